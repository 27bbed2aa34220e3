internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// The labels of a model's classes, which all parties know: whole numbers, or the places of texts.
struct ClassLabels {
    private let numbers: [Int]

    var count: Int { numbers.count }

    /// - Throws: `.malformedFile` where a node has no labels, or both forms of them.
    init(_ operation: Operation, numbers name: String = "classlabels_ints") throws {
        let texts = try operation.strings("classlabels_strings") ?? []
        let whole = try operation.ints(name) ?? []
        guard texts.isEmpty != whole.isEmpty else {
            throw operation.malformed("it needs its classes' labels, as texts or as whole numbers")
        }
        numbers = texts.isEmpty ? whole : Array(texts.indices)
    }

    /// The labels at secret places.
    ///
    /// - Complexity: no round beyond those that have made the place of a largest.
    func picked(at places: CrypTensor) throws -> Value {
        Value(.int64, try checked(places.picking(from: numbers)))
    }
}

extension CrypTensor {
    /// The public whole numbers at these places.
    ///
    /// - Complexity: local where they are evenly spaced; otherwise that of the places' one-hot rows.
    func picking(from numbers: [Int]) -> CrypTensor {
        guard let first = numbers.first else { return self }
        if numbers.count == 1 { return self * 0 + first }
        let (step, overflows) = numbers[1].subtractingReportingOverflow(first)
        let isEven =
            !overflows
            && numbers.indices.allSatisfy { index in
                let (product, overflows) = step.multipliedReportingOverflow(by: index)
                return !overflows && numbers[index] == first &+ product
            }
        if isEven {
            let scaled = step == 1 ? self : self * step
            return first == 0 ? scaled : scaled + first
        }
        let table = CrypTensor(constant: Tensor(numbers.map { Int64($0) }, shape: [numbers.count]))
        let bits = rows(ofPlaces: numbers.count)
        return (bits * table.broadcast(to: bits.shape)).sum(axis: -1)
    }
}
