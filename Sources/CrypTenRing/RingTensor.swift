/// A row-major tensor of elements of Z_2^64: one party's shares, a masked value, or a public one.
///
/// Copying is cheap: tensors share their storage until one of them is written to. `flat(_:)` and `reshaped(to:)` look
/// into the same storage.
package struct RingTensor: Sendable, StoredWords {
    package private(set) var storage: Storage
    package private(set) var firstWord: Int
    package private(set) var shape: Shape

    package var count: Int {
        shape.count
    }

    package var wordCount: Int {
        shape.count
    }

    package mutating func ownsStorage() -> Bool {
        isKnownUniquelyReferenced(&storage)
    }

    package mutating func look(into storage: Storage) {
        self.storage = storage
        firstWord = 0
    }

    /// A tensor whose elements must all be written, through `withMutableWords`, before any is read.
    package init(uninitialized shape: Shape) {
        storage = Storage(uninitialized: shape.count)
        firstWord = 0
        self.shape = shape
    }

    /// A tensor of equal elements, which take no memory until somebody reads them, but for a few.
    package init(repeating value: UInt64, shape: Shape) {
        guard shape.count > RingTensor.few else {
            self.init(uninitialized: shape)
            storage.words.initialize(repeating: value, count: shape.count)
            return
        }
        self.init(storage: Storage(.repeating(value), count: shape.count), firstWord: 0, shape: shape)
    }

    package init(_ elements: some Collection<UInt64>, shape: Shape) {
        precondition(elements.count == shape.count, "\(elements.count) elements can't have shape \(shape)")
        self.init(uninitialized: shape)
        _ = UnsafeMutableBufferPointer(start: storage.words, count: shape.count).initialize(from: elements)
    }

    /// So many elements are written sooner than a storage without memory is made.
    private static let few = 16

    package init(zeros shape: Shape) {
        self.init(repeating: 0, shape: shape)
    }

    /// Elements that lie in a storage already.
    package init(storage: Storage, firstWord: Int, shape: Shape) {
        self.storage = storage
        self.firstWord = firstWord
        self.shape = shape
    }

    /// The same elements under another shape of as many.
    package func reshaped(to shape: Shape) -> RingTensor {
        precondition(shape.count == count, "shape \(self.shape) has another count than \(shape)")
        return RingTensor(storage: storage, firstWord: firstWord, shape: shape)
    }

    /// A run of the elements in row-major order, as a tensor of rank 1 that looks into the same storage.
    package func flat(_ range: Range<Int>) -> RingTensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) lies outside \(count) elements")
        return RingTensor(storage: storage, firstWord: firstWord + range.lowerBound, shape: [range.count])
    }

    /// The elements as an array, for tests and for the edge of the system.
    package var elements: [UInt64] {
        withWords { Array(UnsafeBufferPointer(start: $0, count: count)) }
    }
}
