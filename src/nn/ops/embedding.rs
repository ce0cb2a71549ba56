//! Rows of a table by number.

use super::composed;
use crate::nn::kernels::{buffer, embedding as kernel, narrow};
use crate::nn::tape::{Tape, Value};
use candle_core::{Result, Tensor, bail};

/// y(n) = table(ids(n)). Shapes: table (V, D), N ids below V, result (N, D).
///
/// The gradient of a row is the sum over its uses, in the order of `ids`.
///
/// # Errors
/// If the table is no matrix or an id is not below V.
pub fn embedding(tape: &Tape, table: &Value, ids: &[u32]) -> Result<Value> {
    let (rows, d) = table.tensor().dims2()?;
    if let Some(id) = ids.iter().find(|&&id| id as usize >= rows) {
        bail!("embedding: id {id} for a table of {rows} rows");
    }
    if !narrow::is_readable(table.tensor()) {
        let ids = Tensor::new(ids, table.tensor().device())?;
        return composed::record(tape, &[table], |t| t[0].index_select(&ids, 0));
    }
    let tensor = table.tensor().contiguous()?;
    let y = narrow::with(&tensor, |table| Ok(kernel::gather(table, d, ids)))?;
    let y = buffer::tensor(y, (ids.len(), d))?;
    let ids = ids.to_vec();
    Ok(tape.record_fresh(&[table], y, move |gradient, _| {
        let gradient = gradient.contiguous()?;
        let dtable = kernel::scatter_add(&buffer::view(&gradient)?, d, &ids, rows);
        Ok(vec![Some(buffer::tensor(dtable, (rows, d))?)])
    }))
}
