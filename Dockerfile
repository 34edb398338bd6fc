# One image for every role: `docker build -t headframe:local .`, then see docker-compose.yml.

FROM node:22.21.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Nothing here needs the install scripts of packages, so none gets to run.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/ensure.mjs ./scripts/
COPY src ./src
COPY workers ./workers
COPY load-test ./load-test
COPY sql ./sql
COPY dashboards/web ./dashboards/web
# Optional packages are the embedded PostgreSQL, which a container leaves to another one.
RUN node scripts/build.mjs && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:22.21.1-bookworm-slim
# Large buffers go back to the system when they are free: see docs/sizing.md, Memory.
ENV NODE_ENV=production HEADFRAME_DATA_DIR=/data MALLOC_MMAP_THRESHOLD_=131072
# New volumes take owner and rights of the folder they are mounted on.
RUN groupadd --gid 10001 headframe \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin headframe \
  && install -d -o headframe -g headframe -m 0750 /data /keys \
  && install -d /etc/headframe \
  && ln -s /app/bin/headframe /usr/local/bin/headframe
COPY --from=build /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY bin /app/bin
COPY --chmod=0755 scripts/compose/with-data-slot.sh /usr/local/bin/with-data-slot
# headframe.yaml is looked for here.
WORKDIR /etc/headframe
USER 10001:10001
EXPOSE 8420 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=8s --start-period=40s --retries=3 CMD ["headframe", "health"]
ENTRYPOINT ["headframe"]
CMD ["--help"]
