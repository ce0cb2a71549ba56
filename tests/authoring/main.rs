//! What people and their editors see while a program is being written.

mod editors;
