/// A row-major tensor of elements of Z_2^64: one party's shares, a masked value, or a public one.
///
/// Copying is cheap: tensors share their storage until one of them is written to. `flat(_:)` and `reshaped(to:)` look
/// into the same storage.
package struct RingTensor: Sendable {
    package private(set) var storage: Storage
    package private(set) var offset: Int
    package private(set) var shape: Shape

    package var count: Int {
        shape.count
    }

    /// A tensor whose elements must all be written, through `withMutableWords`, before any is read.
    package init(uninitialized shape: Shape) {
        storage = Storage(uninitialized: shape.count)
        offset = 0
        self.shape = shape
    }

    package init(repeating value: UInt64, shape: Shape) {
        self.init(uninitialized: shape)
        storage.words.initialize(repeating: value, count: shape.count)
    }

    package init(_ elements: some Collection<UInt64>, shape: Shape) {
        precondition(elements.count == shape.count, "\(elements.count) elements can't have shape \(shape)")
        self.init(uninitialized: shape)
        _ = UnsafeMutableBufferPointer(start: storage.words, count: shape.count).initialize(from: elements)
    }

    package init(zeros shape: Shape) {
        self.init(repeating: 0, shape: shape)
    }

    /// Elements that lie in a storage already.
    init(storage: Storage, offset: Int, shape: Shape) {
        self.storage = storage
        self.offset = offset
        self.shape = shape
    }

    /// The same elements under another shape of as many.
    package func reshaped(to shape: Shape) -> RingTensor {
        precondition(shape.count == count, "shape \(self.shape) has another count than \(shape)")
        return RingTensor(storage: storage, offset: offset, shape: shape)
    }

    /// A run of the elements in row-major order, as a tensor of rank 1 that looks into the same storage.
    package func flat(_ range: Range<Int>) -> RingTensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) lies outside \(count) elements")
        return RingTensor(storage: storage, offset: offset + range.lowerBound, shape: [range.count])
    }

    /// The elements, to read.
    package func withWords<Result>(_ body: (UnsafePointer<UInt64>) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(storage) { try body(UnsafePointer(storage.words + offset)) }
    }

    /// The elements, to write; a storage that other tensors share is copied first.
    package mutating func withMutableWords<Result>(
        _ body: (UnsafeMutablePointer<UInt64>) throws -> Result
    ) rethrows -> Result {
        if !isKnownUniquelyReferenced(&storage) {
            storage = Storage(copying: storage, from: offset, count: count)
            offset = 0
        }
        return try body(storage.words + offset)
    }

    /// The elements, all of them to be written, and what they are: in the same place, or, where other tensors share the storage, in
    /// theirs, so that nothing is copied first.
    package mutating func withUpdatedWords<Result>(
        _ body: (_ new: UnsafeMutablePointer<UInt64>, _ old: UnsafePointer<UInt64>) throws -> Result
    ) rethrows -> Result {
        let old = (
            storage: isKnownUniquelyReferenced(&storage) ? nil : storage, words: UnsafePointer(storage.words + offset)
        )
        if old.storage != nil {
            storage = Storage(uninitialized: count)
            offset = 0
        }
        return try withExtendedLifetime(old.storage) { try body(storage.words + offset, old.words) }
    }

    /// Overwrites the elements, and what else lies in their storage, with zeros; one that others share stays as it is.
    package mutating func wipe() {
        if isKnownUniquelyReferenced(&storage) { storage.wipe() }
    }

    /// The elements as an array, for tests and for the edge of the system.
    package var elements: [UInt64] {
        withWords { Array(UnsafeBufferPointer(start: $0, count: count)) }
    }
}
