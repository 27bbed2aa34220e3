/// Other distributions, of uniform numbers.
extension CrypTensor {
    /// Normally distributed, by Box and Muller, of two numbers that are uniform in [0, 1).
    package static func normal(radius: CrypTensor, angle: CrypTensor) -> CrypTensor {
        let root = (radius.applying(.logarithm(MagnitudeRange(-16, 1))) * -2.0).applying(
            .squareRoot(MagnitudeRange(-16, 5))
        )
        return root * (angle * (2 * Double.pi)).cos()
    }

    /// The order that sorts numbers of 30 bits, whose high and low bits are those of two numbers that are uniform in [0, 1).
    package static func order(coarse: CrypTensor, fine: CrypTensor) -> CrypTensor {
        (coarse * 16384 + fine).argsort(axis: 0)
    }
}
