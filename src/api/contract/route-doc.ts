import type { z } from 'zod';
import type { Role } from '../../domain/principal.js';
import type { SiteSource } from '../site-guard.js';

/** What one route takes and answers. The OpenAPI page is made of it, and requests are read with it. */
export type RouteDoc = CallableDoc | PersonDoc;

/** Of a collector with a key, or of anyone. */
interface CallableDoc extends Doc {
  readonly access: 'collector' | 'open';
}

/** Of a person or script: no such route without telling where its site stands. */
interface PersonDoc extends Doc {
  readonly access: Role;
  readonly sites: readonly [SiteSource, ...SiteSource[]];
}

interface Doc {
  /** Heading it stands under. */
  readonly group:
    'Collectors' | 'Live' | 'History' | 'Alerts' | 'Commands' | 'Plans' | 'Cluster' | 'People' | 'Operation';
  /** One line. */
  readonly summary: string;
  /** What the line leaves out. */
  readonly description?: string;
  /** Parameters of the path, by the names of the path. */
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Largest body, where a small one does not do, bytes. */
  readonly maxBodyBytes?: number;
  /** JSON of a 200; null where it answers other text alone. */
  readonly answer: z.ZodType | null;
  /** Other texts of a 200: content type → what it is. */
  readonly texts?: Readonly<Record<string, string>>;
}
