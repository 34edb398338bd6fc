import { duration, number, UNKNOWN } from '../format.js';
import { Age } from '../parts.js';
import { bytes, type Cluster } from './cluster.js';

/** Processes that poll or coordinate, and how each does. */
export function Members({ members }: { readonly members: Cluster['members'] }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="members-title">
      <table class="cluster-table">
        <thead>
          <tr>
            <th>Role</th>
            <th>Host</th>
            <th>State</th>
            <th>Zones</th>
            <th class="n">Threads busy</th>
            <th class="n">Upload lag</th>
            <th class="n">Spool</th>
            <th class="n">Event-loop lag</th>
            <th>Version</th>
            <th class="n">Last heard</th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={member.member_id} data-member={member.member_id}>
              <td>{member.role}</td>
              <td title={member.member_id}>
                {member.host}:{member.pid}
              </td>
              <td>
                <span class="cluster-state" data-state={member.state}>
                  {member.state}
                </span>
              </td>
              <td>{member.zones.join(', ')}</td>
              <td class="n">
                {number(member.threads_busy)} of {number(member.threads)}
              </td>
              <td class="n">{member.upload_lag_s === null ? UNKNOWN : duration(member.upload_lag_s)}</td>
              <td class="n">{bytes(member.spool_bytes)}</td>
              <td class="n">{number(member.event_loop_lag_ms, 1)} ms</td>
              <td>{member.version}</td>
              <td class="n">
                <Age of={member.seen_at} /> ago
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
