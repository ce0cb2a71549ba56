//! Pictures put together from images of a data set.

/// A grey picture, black at first.
pub(super) struct Canvas {
    bytes: Vec<u8>,
}

impl Canvas {
    pub(super) const SIDE: usize = 32;

    /// One image in the middle.
    pub(super) fn single(image: &[u8], side: usize) -> Canvas {
        let times = Canvas::SIDE / side;
        let mut canvas = Canvas::black();
        let margin = (Canvas::SIDE - side * times) / 2;
        canvas.draw(image, side, times, margin, margin);
        canvas
    }

    /// Up to four images at half their size: above from left to right, then below.
    pub(super) fn grid(images: [Option<&[u8]>; 4], side: usize) -> Canvas {
        let mut canvas = Canvas::black();
        let cell = Canvas::SIDE / 2;
        for (at, image) in images.into_iter().enumerate() {
            let Some(image) = image else { continue };
            let small = halved(image, side);
            let margin = (cell - side / 2) / 2;
            canvas.draw(&small, side / 2, 1, at / 2 * cell + margin, at % 2 * cell + margin);
        }
        canvas
    }

    /// Images side by side, as large as fits, in the middle of the height.
    pub(super) fn row(images: &[&[u8]], side: usize) -> Canvas {
        let mut canvas = Canvas::black();
        let times = Canvas::SIDE / (side * images.len());
        let top = (Canvas::SIDE - side * times) / 2;
        let left = (Canvas::SIDE - side * times * images.len()) / 2;
        for (at, image) in images.iter().enumerate() {
            canvas.draw(image, side, times, top, left + at * side * times);
        }
        canvas
    }

    /// The box of a cell of [`Canvas::grid`].
    pub(super) fn cell(at: usize) -> [f64; 4] {
        let (top, left) = ((at / 2) as f64 / 2.0, (at % 2) as f64 / 2.0);
        [left, top, left + 0.5, top + 0.5]
    }

    /// Bytes C, H, W of three equal channels.
    pub(super) fn rgb(self) -> Vec<u8> {
        self.bytes.repeat(3)
    }

    fn black() -> Canvas {
        Canvas { bytes: vec![0; Canvas::SIDE * Canvas::SIDE] }
    }

    /// Draws an image so many times as large, each pixel as a square.
    fn draw(&mut self, image: &[u8], side: usize, times: usize, top: usize, left: usize) {
        for row in 0..side * times {
            for column in 0..side * times {
                let from = row / times * side + column / times;
                self.bytes[(top + row) * Canvas::SIDE + left + column] = image[from];
            }
        }
    }
}

/// Half as wide and high: means of four pixels, rounded.
fn halved(image: &[u8], side: usize) -> Vec<u8> {
    let half = side / 2;
    let mean = |at: usize| {
        let corner = at / half * 2 * side + at % half * 2;
        let sum: u32 = [0, 1, side, side + 1].iter().map(|offset| u32::from(image[corner + offset])).sum();
        ((sum + 2) / 4) as u8
    };
    (0..half * half).map(mean).collect()
}
