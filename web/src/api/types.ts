// The things the API speaks of, as the JSON of the server's root package.

export type ConnectionStatus = 'not_authorized' | 'authorized' | 'revoked' | 'disconnected';

export interface Authorization {
  user_id: string;
  user_name: string;
  display_name: string;
  organization_id: string;
  organization_name: string;
  tenant_id: string;
  scopes: string[] | null;
  authorized_at: string;
  expires_at: string;
}

export interface Connection {
  id: string;
  name: string;
  connector: string;
  environment_url: string;
  client_id: string;
  has_secret: boolean;
  status: ConnectionStatus;
  status_cause?: string;
  status_hint?: string;
  organization_id?: string;
  tenant_id?: string;
  authorization?: Authorization;
  jobs: number;
  last_activity?: string;
  created_at: string;
  updated_at: string;
}

export interface ConnectionInput {
  name: string;
  environment_url: string;
  client_id?: string;
  client_secret?: string;
}

export interface ConnectionPatch {
  name?: string;
  client_id?: string;
  client_secret?: string;
}

export interface TestCheck {
  name: string;
  ok: boolean;
  detail: string;
  hint?: string;
}

export interface TestResult {
  ok: boolean;
  checks: TestCheck[] | null;
  latency_ms: number;
}

export interface Option {
  value: number;
  label: string;
}

export interface Attribute {
  logical_name: string;
  display_name: string;
  type: string;
  format?: string;
  max_length?: number;
  precision?: number;
  date_behavior?: string;
  targets?: string[] | null;
  options?: Option[] | null;
  secured?: boolean;
}

export interface Entity {
  logical_name: string;
  entity_set_name: string;
  display_name: string;
  primary_id: string;
  primary_name: string;
  change_tracking: boolean;
  activity: boolean;
  custom: boolean;
  attributes?: Attribute[] | null;
}

export interface Field {
  name: string;
  display_name: string;
  type: string;
  max_length?: number;
  decimals?: number;
  required?: boolean;
  system?: boolean;
  options?: string[] | null;
  lookup?: string;
}

export interface DataObject {
  name: string;
  display_name: string;
  standard: boolean;
  fields: Field[];
  rows: number;
}

export type Row = Record<string, unknown>;

export interface FieldMapping {
  source: string;
  label?: boolean;
  negate?: boolean;
  target: string;
  identifier?: boolean;
  on_null?: 'overwrite' | 'keep';
  on_too_long?: 'reject' | 'truncate';
}

export type Comparison =
  | 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'in'
  | 'contains' | 'starts_with' | 'ends_with' | 'is_null' | 'is_not_null';

export interface Condition {
  attribute: string;
  operator: Comparison;
  values?: string[];
}

export interface JobInput {
  name: string;
  connection_id: string;
  entity: string;
  object: string;
  operation: 'upsert';
  load_mode: 'full';
  mapping: { fields: FieldMapping[] };
  filter: { conditions: Condition[] };
}

export interface Job extends JobInput {
  id: string;
  connection_name: string;
  out_of_the_box: boolean;
  version: number;
  last_run?: { id: string; status: RunStatus; at: string };
  created_at: string;
  updated_at: string;
}

export interface Template {
  name: string;
  title: string;
  description: string;
  job: JobInput;
}

export type RunStatus =
  | 'queued' | 'running' | 'success' | 'partial_success' | 'failed' | 'cancelled' | 'skipped';

export interface Counts {
  read: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
  duplicates: number;
  pages: number;
  bytes: number;
  requests: number;
  throttled_ns: number;
}

export interface Run {
  id: string;
  number: number;
  job_id: string;
  job_name: string;
  connection_id: string;
  connection_name: string;
  entity: string;
  object: string;
  status: RunStatus;
  message?: string;
  hint?: string;
  counts: Counts;
  total: number;
  cancelling?: boolean;
  requested_by: string;
  queued_at: string;
  started_at?: string;
  ended_at?: string;
}

export interface Reject {
  id: number;
  run_id: string;
  source_id: string;
  field: string;
  code: string;
  message: string;
  value: string;
  record: string;
  at: string;
}

export interface User {
  id: string;
  name: string;
  email: string;
  role: string;
  created_at: string;
}

export interface LogEvent {
  id: string;
  at: string;
  actor: string;
  action: string;
  subject: string;
  detail?: string;
}

export interface Status {
  version: string;
  setup_required: boolean;
  authenticated: boolean;
}

export interface Settings {
  public_url: string;
  redirect_url: string;
  client_id: string;
  sandbox?: boolean;
}

export interface FieldError {
  field: string;
  message: string;
  hint?: string;
}

export interface List<T> {
  items: T[];
  next_cursor: string;
  total: number;
}
