internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing

extension ONNXModel.Input {
    /// The shape of what the owner gives for data of a shape.
    public func givenShape(_ shape: Shape) throws -> Shape {
        mayLackNumbers ? try Shape(checking: shape.dimensions + [2]) : shape
    }

    /// What an owner gives for this input: of texts their places, of floats that trees compare theirs among all floats, and where numbers may
    /// be missing which are, along a last axis.
    ///
    /// - Parameters:
    ///   - tensor: Numbers; of texts only the shape counts.
    ///   - texts: Texts in row-major order, where there are such.
    ///   - name: What errors call it.
    /// - Throws: `.invalidArgument` for numbers where there should be text, or text where numbers; `.outOfRange` for what isn't a number
    ///   where nothing says what becomes of it.
    public func encoded(_ tensor: Tensor, texts given: [String]?, name file: String) throws -> Tensor {
        guard (texts != nil) == (given != nil) else {
            throw CrypTenError(
                .invalidArgument,
                "input '\(name)' takes \(texts == nil ? "numbers, and \(file) holds text" : "text, and \(file) holds numbers")"
            )
        }
        if let given { return Tensor(places(of: given), shape: tensor.shape) }
        if tensor.kind == .real, !mayMissPlaces, !mayLackNumbers, let index = tensor.doubles.firstIndex(where: \.isNaN)
        {
            throw CrypTenError(
                .outOfRange,
                "\(file): the number at index \(tensor.shape.position(of: index)) is nan; numbers must be finite"
            )
        }
        if isOrdered {
            let places = tensor.doubles.map { $0.isNaN ? OrderedFloats.beyond : OrderedFloats.place(of: $0) }
            return Tensor(places, shape: tensor.shape)
        }
        guard mayLackNumbers else { return tensor }
        let pairs = tensor.doubles.flatMap { number -> [Double] in number.isNaN ? [0, 1] : [number, 0] }
        return Tensor(pairs, shape: try givenShape(tensor.shape))
    }
}

extension ONNXModel.Input {
    /// The kind of what the owner gives for numbers of a kind.
    package func givenKind(_ kind: ElementKind) -> ElementKind {
        isOrdered ? .integer : kind
    }
}

extension Shape {
    /// The indices along each axis of the element at a place in row-major order, as NumPy writes them.
    package func position(of offset: Int) -> String {
        "[" + zip(strides, dimensions).map { String(offset / $0 % Swift.max($1, 1)) }.joined(separator: ", ") + "]"
    }
}
