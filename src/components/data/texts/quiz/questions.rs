//! The templates: a picture with a question and its answer, drawn from a stream.

use super::pictures::Canvas;
use super::things::{ALPHABETS, GROUPS, PLACES, THINGS, classes_of};
use super::{Images, QuizTask};
use crate::components::scoring::written;
use crate::nn::rng::Stream;
use crate::text::item::Expected;

/// An item that is to be.
pub(super) struct Question {
    pub(super) canvas: Canvas,
    pub(super) question: String,
    pub(super) answer: String,
    pub(super) expected: Expected,
}

/// Groups that are told apart at first sight, also at half the size. As options they stand in this order or backwards: from
/// some hundred items a small model that begins with nothing learns two orders, but with all orders of all names it stays
/// at chance.
const CLEAR: [usize; 4] = [0, 1, 3, 4];

pub(super) fn ask(task: QuizTask, images: &Images, stream: &mut Stream) -> Question {
    match task {
        QuizTask::Option => option(images, stream),
        QuizTask::Short => short(images, stream),
        QuizTask::Class => class(images, stream),
        QuizTask::YesNo => yes_no(images, stream),
        QuizTask::Sentence => sentence(images, stream),
        QuizTask::Box => place(images, stream),
        QuizTask::Count => count(images, stream),
        QuizTask::Reading => reading(images, stream),
    }
}

fn option(images: &Images, stream: &mut Stream) -> Question {
    let question = one_of(
        &["Which of these is shown?", "What is in the picture?", "What do you see here?", "Which thing is this?"],
        stream,
    );
    let backwards = stream.below(2) == 1;
    let right = stream.below(CLEAR.len());
    let group = |place: usize| CLEAR[if backwards { CLEAR.len() - 1 - place } else { place }];
    let canvas = Canvas::single(of_group(images, group(right), stream), images.side);
    let letter = |place: usize| char::from(b'A' + place as u8);
    let line = |place: usize| format!("\n{}. {}", letter(place), GROUPS[group(place)].one);
    let options: String = (0..CLEAR.len()).map(line).collect();
    let expected = Expected::Option { right, options: CLEAR.len() };
    Question { canvas, question: format!("{question}{options}"), answer: letter(right).to_string(), expected }
}

fn short(images: &Images, stream: &mut Stream) -> Question {
    let question = one_of(
        &[
            "Where on the body does this belong?",
            "On which part of the body is this worn or carried?",
            "Which part of the body is this for?",
            "Where does one wear or carry this?",
        ],
        stream,
    );
    let place = one_of(&PLACES, stream);
    let classes: Vec<usize> = (0..THINGS.len()).filter(|class| THINGS[*class].place == place).collect();
    let class = classes[stream.below(classes.len())];
    words(Canvas::single(images.draw(class, stream), images.side), question, place)
}

fn class(images: &Images, stream: &mut Stream) -> Question {
    let question = one_of(
        &[
            "Which alphabet is this character from?",
            "What is the alphabet of this character?",
            "To which script does the character belong?",
            "Name the alphabet of what is drawn.",
        ],
        stream,
    );
    let class = stream.below(ALPHABETS.len());
    words(Canvas::single(images.draw(class, stream), images.side), question, ALPHABETS[class].1)
}

fn yes_no(images: &Images, stream: &mut Stream) -> Question {
    let digits = 0..images.classes.len();
    let holds = stream.below(2) == 0;
    let (question, is): (&str, fn(usize) -> bool) = match stream.below(4) {
        0 => ("Is this digit even?", |digit| digit % 2 == 0),
        1 => ("Is this an even digit?", |digit| digit % 2 == 0),
        2 => ("Is this digit larger than 4?", |digit| digit > 4),
        _ => ("Is the digit above 4?", |digit| digit > 4),
    };
    let fitting: Vec<usize> = digits.filter(|digit| is(*digit) == holds).collect();
    let digit = fitting[stream.below(fitting.len())];
    let answer = if holds { "Yes" } else { "No" };
    words(Canvas::single(images.draw(digit, stream), images.side), question, answer)
}

fn sentence(images: &Images, stream: &mut Stream) -> Question {
    let question = one_of(
        &[
            "Describe the picture.",
            "What does the picture show, and what is it for?",
            "Say what this is and where it belongs.",
            "Tell me about this thing.",
        ],
        stream,
    );
    let class = stream.below(THINGS.len());
    let thing = &THINGS[class];
    let used = match thing.place {
        "hand" => "is carried in the hand".to_string(),
        place => format!("is worn on the {place}"),
    };
    let kind = GROUPS[thing.group].several;
    let answer = format!("The picture shows {}. It is one of the {kind}, and it {used}.", thing.one);
    let canvas = Canvas::single(images.draw(class, stream), images.side);
    let expected = Expected::Text(thing.name.to_string());
    Question { canvas, question: question.to_string(), answer, expected }
}

fn place(images: &Images, stream: &mut Stream) -> Question {
    let mut groups = CLEAR;
    stream.shuffle(&mut groups);
    let mut cells = [0, 1, 2, 3];
    stream.shuffle(&mut cells);
    let [asked, other, ..] = groups;
    let thing = GROUPS[asked].one;
    let question = match stream.below(4) {
        0 => format!("Where is the {thing}?"),
        1 => format!("In which box is the {thing}?"),
        2 => format!("Give the box around the {thing}."),
        _ => format!("Find the {thing}."),
    };
    let mut shown = [None; 4];
    shown[cells[0]] = Some(asked);
    shown[cells[1]] = Some(other);
    let region = Canvas::cell(cells[0]);
    let canvas = grid(images, shown, stream);
    Question { canvas, question, answer: written(region), expected: Expected::Region(region) }
}

fn count(images: &Images, stream: &mut Stream) -> Question {
    let asked = CLEAR[stream.below(CLEAR.len())];
    let several = GROUPS[asked].several;
    let question = match stream.below(4) {
        0 => format!("How many {several} are there?"),
        1 => format!("Count the {several}."),
        2 => format!("How many {several} does the picture show?"),
        _ => format!("What is the number of {several}?"),
    };
    let number = 1 + stream.below(4);
    let mut shown = std::array::from_fn(|cell| (cell < number).then_some(asked));
    stream.shuffle(&mut shown);
    words(grid(images, shown, stream), &question, &number.to_string())
}

fn reading(images: &Images, stream: &mut Stream) -> Question {
    let question = one_of(
        &[
            "Which number is written here?",
            "Read the number.",
            "What number does the picture show?",
            "Which digits are these?",
        ],
        stream,
    );
    let digits = [stream.below(10), stream.below(10)];
    let first = images.draw(digits[0], stream);
    let second = images.draw(digits[1], stream);
    words(Canvas::row(&[first, second], images.side), question, &format!("{}{}", digits[0], digits[1]))
}

/// Four cells, with something of a group or with nothing.
fn grid(images: &Images, groups: [Option<usize>; 4], stream: &mut Stream) -> Canvas {
    Canvas::grid(groups.map(|group| group.map(|group| of_group(images, group, stream))), images.side)
}

/// Something of a group.
fn of_group<'i>(images: &'i Images, group: usize, stream: &mut Stream) -> &'i [u8] {
    let classes = classes_of(group);
    images.draw(classes[stream.below(classes.len())], stream)
}

/// A question whose answer is compared as it is.
fn words(canvas: Canvas, question: &str, answer: &str) -> Question {
    let (question, answer) = (question.to_string(), answer.to_string());
    Question { canvas, question, expected: Expected::Text(answer.clone()), answer }
}

fn one_of<'t>(forms: &[&'t str], stream: &mut Stream) -> &'t str {
    forms[stream.below(forms.len())]
}
