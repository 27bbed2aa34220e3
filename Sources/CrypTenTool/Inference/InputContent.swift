import CrypTen
import CrypTenONNX
import CrypTenRing

/// What a file holds for an input: numbers, some of which may be missing, or texts. Its model says what becomes of it.
struct InputContent: Sendable {
    /// Numbers as they are; of texts zeros, of their shape.
    let raw: Tensor
    private var texts: [String]?
    private let path: String

    init(_ tensor: Tensor, path: String) {
        (raw, self.path) = (tensor, path)
    }

    init(_ texts: NumpyTexts, path: String) {
        raw = Tensor([Int64](repeating: 0, count: texts.shape.count), shape: texts.shape)
        (self.texts, self.path) = (texts.texts, path)
    }

    /// What the owner gives the parties for an input of a model.
    ///
    /// - Parameter input: Nil where the model isn't known, and numbers are given as they are.
    /// - Throws: for text where there should be numbers, numbers where there should be text, and numbers that are missing where none may be.
    func encoded(for input: ONNXModel.Input?) throws -> Tensor {
        if let input { return try input.encoded(raw, texts: texts, name: path) }
        return raw
    }
}
