//! A reverse pass over candle tensors: records what was computed, then walks it backwards once.
//!
//! Differences from candle's own autograd (measured in `docs/decisions/tape.md`): activations are freed during the
//! backward pass, each as soon as it has been used; nothing is computed for constants; a gradient that only the tape
//! holds is added to in place; and a caller can be told when the gradient of a leaf is finished.

use super::kernels::Precision;
use super::value::Output;
pub use super::value::Value;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one tracked value of one tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId {
    tape: u64,
    index: u32,
}

/// Which inputs of an operation need a gradient, in the order in which they were given to [`Tape::record`], and what
/// may be done to save memory and passes over it.
pub struct Needs<'a> {
    inputs: &'a [Option<u32>],
    owned: bool,
    slots: RefCell<&'a mut [Slot]>,
}

impl Needs<'_> {
    /// Whether input `index` is tracked.
    pub fn input(&self, index: usize) -> bool {
        self.inputs[index].is_some()
    }

    /// Whether nobody else holds the gradient of the output: the operation may then overwrite it, and return it as one
    /// of its own.
    pub fn owns_gradient(&self) -> bool {
        self.owned
    }

    /// What later operations have found as the gradient of input `index`, if anything. Who takes it must return the
    /// sum of it and his own, instead of his own alone, which saves a pass over memory.
    pub fn take_others(&self, index: usize) -> Option<Tensor> {
        self.slots.borrow_mut()[self.inputs[index]? as usize].take()
    }

    /// Computes the gradient of input `index` if it is wanted.
    pub fn compute(&self, index: usize, gradient: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
        if self.input(index) { gradient().map(Some) } else { Ok(None) }
    }
}

type Backward = Box<dyn FnOnce(&Tensor, &Needs) -> Result<Vec<Option<Tensor>>>>;

/// An operation to be walked back.
struct Operation {
    inputs: Vec<Option<u32>>,
    backward: Backward,
    /// The gradients it returns are held by nobody else.
    fresh: bool,
}

struct Node {
    /// `None` for a leaf.
    operation: Option<Operation>,
    /// How many recorded operations take this value as an input (one that takes it twice counts twice).
    uses: u32,
}

/// Records one forward pass. Operations take it by shared reference; it stays on one thread.
pub struct Tape {
    id: u64,
    precision: Precision,
    /// inner values of blocks are not kept
    recompute: bool,
    nodes: RefCell<Vec<Node>>,
}

impl Default for Tape {
    fn default() -> Tape {
        Tape::new()
    }
}

impl Tape {
    /// An empty tape, recording; operations on it compute in the default precision.
    pub fn new() -> Tape {
        Tape::with(Precision::default())
    }

    /// An empty tape, recording, whose operations compute in this precision, forward and backward.
    pub fn with(precision: Precision) -> Tape {
        // The number only tells the values of two tapes apart; nothing computed depends on it.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Tape { id, precision, recompute: false, nodes: RefCell::new(Vec::new()) }
    }

    /// The same, on which passes through language models keep what goes into their blocks alone, where `yes`.
    pub fn recomputing(self, yes: bool) -> Tape {
        Tape { recompute: yes, ..self }
    }

    /// How many values it has recorded so far.
    #[cfg(test)]
    pub fn recorded(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether what is inside of blocks is computed anew on the way back.
    pub fn recomputes(&self) -> bool {
        self.recompute
    }

    /// How exact operations on this tape are.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A tensor whose gradient is wanted.
    pub fn leaf(&self, tensor: &Tensor) -> Value {
        self.push(tensor.clone().into(), None)
    }

    /// Records an operation. For authors of operations.
    ///
    /// `backward` gets the gradient of the loss with respect to `output`, and which inputs need one; it returns one
    /// entry per input, in order, `None` where none is needed. It may return the gradient it was given, or a view of
    /// it. If no input is tracked the result is a constant and `backward` is dropped at once, with all it holds.
    pub fn record(
        &self,
        inputs: &[&Value],
        output: impl Into<Output>,
        backward: impl FnOnce(&Tensor, &Needs) -> Result<Vec<Option<Tensor>>> + 'static,
    ) -> Value {
        self.record_operation(inputs, output.into(), false, backward)
    }

    /// Like [`record`](Tape::record), for an operation whose `backward` returns only newly made tensors that share
    /// their data with nothing else, or the gradient it was given. The tape may then add to them in place, and later
    /// operations overwrite them.
    pub fn record_fresh(
        &self,
        inputs: &[&Value],
        output: impl Into<Output>,
        backward: impl FnOnce(&Tensor, &Needs) -> Result<Vec<Option<Tensor>>> + 'static,
    ) -> Value {
        self.record_operation(inputs, output.into(), true, backward)
    }

    fn record_operation(
        &self,
        inputs: &[&Value],
        output: Output,
        fresh: bool,
        backward: impl FnOnce(&Tensor, &Needs) -> Result<Vec<Option<Tensor>>> + 'static,
    ) -> Value {
        if inputs.iter().all(|input| !input.is_tracked()) {
            return Value::new(output, None);
        }
        let inputs: Vec<Option<u32>> = inputs.iter().map(|input| input.node().map(|node| self.own(node))).collect();
        {
            let mut nodes = self.nodes.borrow_mut();
            for &input in inputs.iter().flatten() {
                nodes[input as usize].uses += 1;
            }
        }
        self.push(output, Some(Operation { inputs, backward: Box::new(backward), fresh }))
    }

    fn push(&self, output: Output, operation: Option<Operation>) -> Value {
        let mut nodes = self.nodes.borrow_mut();
        let index = nodes.len() as u32;
        nodes.push(Node { operation, uses: 0 });
        Value::new(output, Some(NodeId { tape: self.id, index }))
    }

    fn own(&self, node: NodeId) -> u32 {
        assert_eq!(node.tape, self.id, "a value of one tape was used on another; detach it first");
        node.index
    }

    /// Walks back from `loss`, a tensor of one element, and returns the gradients of the leaves.
    ///
    /// The tape is used up: what each operation kept is freed as soon as its gradients are formed.
    ///
    /// # Errors
    /// If `loss` has more than one element or depends on no leaf.
    pub fn backward(self, loss: &Value) -> Result<Gradients> {
        if loss.shape().elem_count() != 1 {
            bail!("backward starts from one number, the loss has shape {:?}", loss.shape());
        }
        let one = loss.tensor().ones_like()?;
        self.backward_from(loss, one)
    }

    /// Walks back from `output` with `gradient`, the derivative of the loss with respect to it (of the same shape).
    ///
    /// # Errors
    /// If the shapes differ or `output` depends on no leaf.
    pub fn backward_from(self, output: &Value, gradient: Tensor) -> Result<Gradients> {
        self.backward_with(output, gradient, |_, _| Ok(()))
    }

    /// [`backward_from`](Tape::backward_from) that tells `finished` about the gradient of a leaf as soon as no later
    /// step can change it, so that it can be sent or reduced while the walk goes on.
    ///
    /// # Errors
    /// As `backward_from`, and what `finished` returns.
    pub fn backward_with(
        self,
        output: &Value,
        gradient: Tensor,
        mut finished: impl FnMut(NodeId, &Tensor) -> Result<()>,
    ) -> Result<Gradients> {
        if gradient.shape() != output.shape() {
            bail!("the gradient has shape {:?}, the output {:?}", gradient.shape(), output.shape());
        }
        let Some(start) = output.node() else {
            bail!("backward from a value that depends on no leaf: every parameter behind it is frozen or detached");
        };
        let start = self.own(start) as usize;
        let mut nodes = self.nodes.into_inner();
        let mut slots: Vec<Slot> = nodes.iter().map(|_| Slot::Empty).collect();
        slots[start] = Slot::Shared(gradient);
        let mut leaves = HashMap::new();
        for index in (0..nodes.len()).rev() {
            let Some(operation) = nodes[index].operation.take() else {
                // An unused leaf can only be the output itself.
                finish_leaf(&nodes, &mut slots, index, self.id, &mut leaves, &mut finished)?;
                continue;
            };
            let Operation { inputs, backward, fresh } = operation;
            let gradients = walk_back(&mut slots, index, &inputs, backward, fresh)?;
            for (input, gradient) in inputs.into_iter().zip(gradients) {
                let Some(input) = input.map(|input| input as usize) else { continue };
                if let Some((gradient, owned)) = gradient {
                    slots[input].add(gradient, owned)?;
                }
                nodes[input].uses -= 1;
                if nodes[input].uses == 0 && nodes[input].operation.is_none() {
                    finish_leaf(&nodes, &mut slots, input, self.id, &mut leaves, &mut finished)?;
                }
            }
        }
        Ok(Gradients { leaves })
    }
}

/// The gradients of the inputs of node `index`, each with whether nobody else holds it.
fn walk_back(
    slots: &mut [Slot],
    index: usize,
    inputs: &[Option<u32>],
    backward: Backward,
    fresh: bool,
) -> Result<Vec<Option<(Tensor, bool)>>> {
    let owned = matches!(slots[index], Slot::Owned(_));
    let Some(gradient) = slots[index].take() else { return Ok(vec![None; inputs.len()]) };
    let needs = Needs { inputs, owned, slots: RefCell::new(slots) };
    let gradients = backward(&gradient, &needs)?;
    debug_assert_eq!(gradients.len(), inputs.len(), "one gradient entry for each input");
    // The gradient itself, passed on to one input, has a new owner; passed on to several it is shared.
    let passed_on = gradients.iter().flatten().filter(|passed| passed.id() == gradient.id()).count();
    let owner = |passed: Tensor| {
        let owned = if passed.id() == gradient.id() { owned && passed_on == 1 } else { fresh };
        (passed, owned)
    };
    Ok(gradients.into_iter().map(|gradient| gradient.map(owner)).collect())
}

/// Moves the gradient of a leaf with no open uses into `leaves` and reports it; does nothing the second time.
fn finish_leaf(
    nodes: &[Node],
    slots: &mut [Slot],
    index: usize,
    tape: u64,
    leaves: &mut HashMap<NodeId, Tensor>,
    finished: &mut impl FnMut(NodeId, &Tensor) -> Result<()>,
) -> Result<()> {
    debug_assert_eq!(nodes[index].uses, 0);
    if let Some(gradient) = slots[index].take() {
        let id = NodeId { tape, index: index as u32 };
        finished(id, &gradient)?;
        leaves.insert(id, gradient);
    }
    Ok(())
}

/// The gradient collected so far for one node.
enum Slot {
    Empty,
    /// Somebody else may hold the same data.
    Shared(Tensor),
    /// Only this slot holds the data.
    Owned(Tensor),
}

impl Slot {
    fn take(&mut self) -> Option<Tensor> {
        match std::mem::replace(self, Slot::Empty) {
            Slot::Empty => None,
            Slot::Shared(gradient) | Slot::Owned(gradient) => Some(gradient),
        }
    }

    fn add(&mut self, new: Tensor, owned: bool) -> Result<()> {
        *self = match (std::mem::replace(self, Slot::Empty), owned) {
            (Slot::Empty, true) => Slot::Owned(new),
            (Slot::Empty, false) => Slot::Shared(new),
            (Slot::Owned(sum), _) => Slot::Owned(add_into(sum, &new)?),
            (Slot::Shared(old), true) => Slot::Owned(add_into(new, &old)?),
            (Slot::Shared(old), false) => Slot::Owned((old + new)?),
        };
        Ok(())
    }
}

/// `sum + new`, in the memory of `sum` where that is plain CPU memory. Nobody else may hold `sum`.
fn add_into(sum: Tensor, new: &Tensor) -> Result<Tensor> {
    if !(super::kernels::is_fast(&sum) && super::kernels::is_fast(new) && sum.is_contiguous()) {
        return sum + new;
    }
    sum.inplace_op2(&new.contiguous()?, &AddAssign)?;
    Ok(sum)
}

struct AddAssign;

impl InplaceOp2 for AddAssign {
    fn name(&self) -> &'static str {
        "add-gradient"
    }

    fn cpu_fwd(&self, sum: &mut CpuStorage, sum_layout: &Layout, new: &CpuStorage, new_layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(sum), CpuStorage::F32(new)) = (sum, new) else {
            bail!("gradients of different types cannot be added in place");
        };
        let (Some((from, to)), Some((new_from, new_to))) =
            (sum_layout.contiguous_offsets(), new_layout.contiguous_offsets())
        else {
            bail!("gradients added in place must be contiguous");
        };
        super::kernels::elementwise::add_assign(&mut sum[from..to], &new[new_from..new_to]);
        Ok(())
    }
}

/// The gradients of the leaves of one backward pass.
#[derive(Debug, Default)]
pub struct Gradients {
    leaves: HashMap<NodeId, Tensor>,
}

impl Gradients {
    /// The gradient of a leaf; `None` if the output did not depend on it (or if it is no leaf of this tape).
    pub fn get(&self, leaf: &Value) -> Option<&Tensor> {
        self.leaves.get(&leaf.node()?)
    }

    /// The gradient of a leaf, handed over.
    pub fn take(&mut self, leaf: &Value) -> Option<Tensor> {
        self.leaves.remove(&leaf.node()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{numbers, test_tensor};
    use std::rc::Rc;

    /// y = a b elementwise, with a backward that counts its calls.
    fn multiply(tape: &Tape, a: &Value, b: &Value) -> Value {
        let (at, bt) = (a.tensor().clone(), b.tensor().clone());
        let y = (&at * &bt).unwrap();
        tape.record_fresh(&[a, b], y, move |g, needs| {
            Ok(vec![needs.compute(0, || g * &bt)?, needs.compute(1, || g * &at)?])
        })
    }

    /// y = a + b, whose backward returns the same tensor twice.
    fn add(tape: &Tape, a: &Value, b: &Value) -> Value {
        let y = (a.tensor() + b.tensor()).unwrap();
        tape.record(&[a, b], y, |g, _| Ok(vec![Some(g.clone()), Some(g.clone())]))
    }

    #[test]
    fn gradients_of_values_used_several_times_are_summed() {
        // L = sum(((x + x) x + x) c), dL/dx = (4 x + 1) c.
        let (x, c) = (test_tensor(&[5], 1), test_tensor(&[5], 2));
        let tape = Tape::new();
        let leaf = tape.leaf(&x);
        let y = add(&tape, &multiply(&tape, &add(&tape, &leaf, &leaf), &leaf), &leaf);
        let gradients = tape.backward_from(&y, c.clone()).unwrap();
        let found = numbers(gradients.get(&leaf).unwrap()).unwrap();
        for ((found, x), c) in found.iter().zip(numbers(&x).unwrap()).zip(numbers(&c).unwrap()) {
            assert!((found - (4.0 * x + 1.0) * c).abs() < 1e-6, "{found} at {x}");
        }
    }

    #[test]
    fn adding_in_place_leaves_shared_gradients_alone() {
        // Both inputs of `add` get the caller's own tensor; more is then added to one of them.
        let tape = Tape::new();
        let (a, b) = (tape.leaf(&test_tensor(&[4], 1)), tape.leaf(&test_tensor(&[4], 2)));
        let y = add(&tape, &add(&tape, &a, &b), &multiply(&tape, &a, &a));
        let seed = test_tensor(&[4], 3);
        let before = numbers(&seed).unwrap();
        let gradients = tape.backward_from(&y, seed.clone()).unwrap();
        assert_eq!(numbers(&seed).unwrap(), before);
        assert_eq!(numbers(gradients.get(&b).unwrap()).unwrap(), before);
    }

    /// y = 2 x, which overwrites the gradient where it may and adds what others have found.
    fn double(tape: &Tape, x: &Value, seen: Rc<RefCell<Vec<(bool, bool)>>>) -> Value {
        let y = (x.tensor() * 2.0).unwrap();
        tape.record_fresh(&[x], y, move |gradient, needs| {
            let others = needs.take_others(0);
            seen.borrow_mut().push((needs.owns_gradient(), others.is_some()));
            let twice = |numbers: &mut [f32]| {
                numbers.iter_mut().for_each(|x| *x *= 2.0);
                Ok(())
            };
            let dx = if needs.owns_gradient() { gradient.clone() } else { gradient.copy()? };
            crate::nn::in_place::write(&dx, twice)?;
            Ok(vec![Some(others.map_or(Ok(dx.clone()), |others| dx + others)?)])
        })
    }

    #[test]
    fn gradients_are_owned_once_nobody_else_holds_them_and_others_are_taken_once() {
        // L = sum((2 (2 a) + 2 a) c) with a = 2 x: dL/dx = 12 c.
        let (x, c) = (test_tensor(&[5], 1), test_tensor(&[5], 2));
        let (tape, seen) = (Tape::new(), Rc::new(RefCell::new(Vec::new())));
        let leaf = tape.leaf(&x);
        let a = double(&tape, &leaf, seen.clone());
        let (left, right) = (double(&tape, &a, seen.clone()), double(&tape, &a, seen.clone()));
        let y = add(&tape, &double(&tape, &left, seen.clone()), &right);
        let gradients = tape.backward_from(&y, c.clone()).unwrap();
        let expected = (c * 12.0).unwrap();
        assert!(crate::nn::check::max_error(gradients.get(&leaf).unwrap(), &expected) < 1e-6);
        // From the end: of the shared gradient, of the shared gradient, of its double beside the other branch's, of
        // the sum.
        assert_eq!(*seen.borrow(), [(false, false), (false, false), (true, true), (true, false)]);
    }

    #[test]
    fn constants_are_not_recorded_and_keep_nothing_alive() {
        let tape = Tape::new();
        let x = Value::constant(test_tensor(&[2], 1));
        let kept = Rc::new(());
        let held = kept.clone();
        let y = tape.record(&[&x], x.tensor().clone(), move |_, _| {
            let _held = held;
            Ok(vec![None])
        });
        assert!(!y.is_tracked());
        assert_eq!(Rc::strong_count(&kept), 1);
        let error = tape.backward_from(&y, y.tensor().clone()).unwrap_err().to_string();
        assert!(error.contains("depends on no leaf"), "{error}");
    }

    #[test]
    fn operations_are_freed_while_walking_back_and_leaves_reported_early() {
        let tape = Tape::new();
        let first = tape.leaf(&test_tensor(&[1], 1));
        let second = tape.leaf(&test_tensor(&[1], 2));
        let kept = Rc::new(());
        let held = kept.clone();
        let (inner, seen) = (Rc::downgrade(&kept), Rc::new(RefCell::new(None)));
        let report = seen.clone();
        let a = tape.record(&[&first], first.tensor().clone(), move |g, _| {
            *report.borrow_mut() = Some(inner.strong_count());
            Ok(vec![Some(g.clone())])
        });
        let b = tape.record(&[&a, &second], a.tensor().clone(), move |g, _| {
            let _held = held;
            Ok(vec![Some(g.clone()), Some(g.clone())])
        });
        let mut order = Vec::new();
        let one = b.tensor().ones_like().unwrap();
        tape.backward_with(&b, one, |leaf, _| {
            order.push(leaf);
            Ok(())
        })
        .unwrap();
        assert_eq!(order, [second.node().unwrap(), first.node().unwrap()]);
        assert_eq!(*seen.borrow(), Some(1), "the later operation's data were freed before the earlier one ran");
    }

    #[test]
    fn unused_leaves_have_no_gradient_and_a_loss_must_be_one_number() {
        let tape = Tape::new();
        let (used, unused) = (tape.leaf(&test_tensor(&[1], 1)), tape.leaf(&test_tensor(&[1], 2)));
        let loss = multiply(&tape, &used, &used);
        let mut gradients = tape.backward(&loss).unwrap();
        assert!(gradients.get(&unused).is_none());
        assert!(gradients.take(&used).is_some() && gradients.take(&used).is_none());
        let tape = Tape::new();
        let vector = tape.leaf(&test_tensor(&[2], 1));
        assert!(tape.backward(&vector).unwrap_err().to_string().contains("one number"));
    }
}
