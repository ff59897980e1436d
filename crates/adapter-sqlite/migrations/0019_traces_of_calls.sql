-- The place of a booking in a trace, as W3C Trace Context writes it: null, unless calls are traced.
alter table calls add column trace_parent text;
