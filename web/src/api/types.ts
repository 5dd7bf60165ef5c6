import type { components } from './schema';

// The things the API speaks of. schema.d.ts is generated from the server's
// own description (npm run generate).
type S = components['schemas'];

export type Attribute = S['Attribute'];
export type Authorization = S['Authorization'];
export type Comparison = S['Condition']['operator'];
export type Condition = S['Condition'];
export type Connection = S['Connection'];
export type ConnectionInput = S['ConnectionInput'];
export type ConnectionPatch = S['ConnectionChange'];
export type ConnectionStatus = Connection['status'];
export type Counts = S['Counts'];
export type DataObject = S['Object'];
export type Entity = S['Entity'];
export type Field = S['Field'];
export type FieldError = S['FieldError'];
export type FieldMapping = S['FieldMapping'];
export type Job = S['Job'];
export type JobInput = S['JobInput'];
export type LogEvent = S['Event'];
export type Provenance = S['Provenance'];
export type Reject = S['Reject'];
export type Run = S['Run'];
export type RunStatus = Run['status'];
export type Settings = S['Settings'];
export type SignInMode = Connection['sign_in_mode'];
export type Status = S['Status'];
export type ObjectDefinition = S['ObjectDefinition'];
export type Position = S['Position'];
export type PreviewRecord = S['PreviewRecord'];
export type RejectGroup = S['RejectGroup'];
export type Deletes = S['Deletes'];
export type RejectLimit = S['RejectLimit'];
export type Scope = S['Scope'];
export type Template = S['Template'];
export type TestResult = S['Report'];
export type User = S['User'];

// Row is one row of an object, by the API names of its fields.
export type Row = Record<string, unknown>;

// List is one page of a list.
export interface List<T> {
  items: T[];
  next_cursor: string;
  total: number;
}
