//! Turns a solution into what an operator carries out: entries, elections, batches, rollback, reasons. Pure.
