//! The templates: a picture with a question and its answer, drawn from a stream.

use super::pictures::Canvas;
use super::things::{ALPHABETS, GROUPS, PLACES, THINGS, of_group};
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

/// Options of a question.
const OPTIONS: usize = 4;

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
    let mut classes: Vec<usize> = (0..THINGS.len()).collect();
    stream.shuffle(&mut classes);
    classes.truncate(OPTIONS);
    let right = stream.below(OPTIONS);
    let canvas = Canvas::single(images.draw(classes[right], stream), images.side);
    let letter = |place: usize| char::from(b'A' + place as u8);
    let line = |(place, class): (usize, &usize)| format!("\n{}. {}", letter(place), THINGS[*class].name);
    let options: String = classes.iter().enumerate().map(line).collect();
    let expected = Expected::Option { right, options: OPTIONS };
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
    let asked = stream.below(10);
    let (question, is): (String, Box<dyn Fn(usize) -> bool>) = match stream.below(4) {
        0 => (format!("Is this the digit {asked}?"), Box::new(move |digit| digit == asked)),
        1 => ("Is this digit even?".to_string(), Box::new(|digit| digit % 2 == 0)),
        2 => ("Is this digit odd?".to_string(), Box::new(|digit| digit % 2 == 1)),
        // Of 0 to 9, some digits are larger than this and some are not.
        _ => {
            let least = asked.min(8);
            (format!("Is this digit larger than {least}?"), Box::new(move |digit| digit > least))
        }
    };
    let fitting: Vec<usize> = digits.filter(|digit| is(*digit) == holds).collect();
    let digit = fitting[stream.below(fitting.len())];
    let answer = if holds { "Yes" } else { "No" };
    words(Canvas::single(images.draw(digit, stream), images.side), &question, answer)
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
    let mut groups: Vec<usize> = (0..GROUPS.len()).collect();
    stream.shuffle(&mut groups);
    let at = stream.below(4);
    let thing = GROUPS[groups[at]].one;
    let question = match stream.below(4) {
        0 => format!("Where is the {thing}?"),
        1 => format!("In which box is the {thing}?"),
        2 => format!("Give the box around the {thing}."),
        _ => format!("Find the {thing}."),
    };
    let canvas = grid(images, [groups[0], groups[1], groups[2], groups[3]], stream);
    let question = format!("{question} A box is written as [x1,y1,x2,y2].");
    let region = Canvas::cell(at);
    Question { canvas, question, answer: written(region), expected: Expected::Region(region) }
}

fn count(images: &Images, stream: &mut Stream) -> Question {
    let asked = stream.below(GROUPS.len());
    let several = GROUPS[asked].several;
    let question = match stream.below(4) {
        0 => format!("How many {several} are there?"),
        1 => format!("Count the {several}."),
        2 => format!("How many {several} does the picture show?"),
        _ => format!("What is the number of {several}?"),
    };
    let number = stream.below(5);
    let mut cells: Vec<bool> = (0..4).map(|at| at < number).collect();
    stream.shuffle(&mut cells);
    let mut groups = [asked; 4];
    for (group, _) in groups.iter_mut().zip(&cells).filter(|(_, is)| !**is) {
        // One of the four other groups.
        *group = (asked + 1 + stream.below(GROUPS.len() - 1)) % GROUPS.len();
    }
    words(grid(images, groups, stream), &question, &number.to_string())
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

/// Four images, one of each of these groups.
fn grid(images: &Images, groups: [usize; 4], stream: &mut Stream) -> Canvas {
    let drawn = groups.map(|group| {
        let classes = of_group(group);
        let class = classes[stream.below(classes.len())];
        images.draw(class, stream)
    });
    Canvas::grid(drawn, images.side)
}

/// A question whose answer is compared as it is.
fn words(canvas: Canvas, question: &str, answer: &str) -> Question {
    let (question, answer) = (question.to_string(), answer.to_string());
    Question { canvas, question, expected: Expected::Text(answer.clone()), answer }
}

fn one_of<'t>(forms: &[&'t str], stream: &mut Stream) -> &'t str {
    forms[stream.below(forms.len())]
}
