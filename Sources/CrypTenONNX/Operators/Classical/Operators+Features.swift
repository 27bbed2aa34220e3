internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Features, a row for each sample: picked, joined, and brought to one length.
    static let features: [String: OperatorEntry] = [
        OperatorDomain.classical.operation("ArrayFeatureExtractor"): OperatorEntry([1], extract),
        OperatorDomain.classical.operation("FeatureVectorizer"): OperatorEntry([1]) { operation in
            guard !operation.inputs.isEmpty else { throw operation.malformed("it has no inputs") }
            let extents = try operation.ints("inputdimensions")
            guard extents == nil || extents?.count == operation.inputs.count else {
                throw operation.malformed("it has \(operation.inputs.count) inputs, and another number of extents")
            }
            let parts = try operation.inputs.indices.map { position in
                let value = try operation.number(position)
                let rows =
                    value.shape.rank == 1 ? try value.reshaped([value.shape.count, 1]) : value
                guard rows.shape.rank == 2, extents.map({ $0[position] == rows.shape[1] }) ?? true else {
                    throw operation.mismatch(
                        "input \(position) of shape \(value.shape) hasn't as many columns as it says"
                    )
                }
                return Value(.float, try checked(try rows.expression().toReal()))
            }
            return [try Value.concatenated(parts, axis: 1)]
        },
        OperatorDomain.classical.operation("Normalizer"): OperatorEntry([1], normalize),
        OperatorDomain.classical.operation("Imputer"): OperatorEntry([1], impute),
    ]

    /// The last axis's elements at places, which may be secret: then they are chosen by bits.
    private static func extract(_ operation: Operation) throws -> [Value] {
        let (data, places) = (try operation.input(0), try operation.input(1))
        guard places.type.kind == .integer, let extent = data.shape.dimensions.last else {
            throw operation.malformed(
                "its places of type \(places.type.rawValue) must be whole numbers, and its data must have an axis"
            )
        }
        let lead = data.shape.rank == 1 ? [1] : Array(data.shape.dimensions.dropLast())
        let count = places.shape.count
        if let numbers = places.knownTensor?.integers {
            guard numbers.allSatisfy({ (0..<Int64(extent)).contains($0) }) else {
                throw operation.mismatch("its places aren't all from 0 to \(extent - 1)")
            }
            try ImportBudget.spend(count, for: "\(count) places")
            return [
                try data.taking(numbers.map { Int($0) }, axis: data.shape.rank - 1).reshaped(
                    try Shape(checking: lead + [count])
                )
            ]
        }
        let index = try places.expression().reshape([count])
        if let numbers = data.knownTensor?.integers, data.shape.rank == 1, data.type.kind == .integer {
            return [Value(data.type, try checked(index.picking(from: numbers.map { Int($0) }).reshape([1, count])))]
        }
        let rows = lead.reduce(1, *)
        _ = try Shape(checking: [rows, count, extent])
        let bits = index.rows(ofPlaces: extent)
        let spread = try data.expression().reshape([rows, 1, extent])
        let chosen = (bits * spread).sum(axis: 2)
        return [Value(data.type, try checked(chosen.reshape(try Shape(checking: lead + [count]))))]
    }

    /// Each row over its largest, its sum of magnitudes, or its length; a row for which that is 0 stays as it is.
    private static func normalize(_ operation: Operation) throws -> [Value] {
        let value = try operation.number(0)
        guard (1...2).contains(value.shape.rank) else {
            throw operation.mismatch("its input of shape \(value.shape) isn't a matrix with a row for each sample")
        }
        let axis = value.shape.rank - 1
        let x = try value.expression().toReal()
        let result: CrypTensor
        switch try operation.string("norm", default: "MAX") {
        case "MAX":
            let largest = x.max(axis: axis, keepDimensions: true)
            let divisor = CrypTenExpressions.which(largest .== 0, CrypTensor(1.0).broadcast(to: largest.shape), largest)
            result = x.divided(by: divisor)
        case "L1":
            result = x.divided(by: x.abs().sum(axis: axis, keepDimensions: true), isSigned: false)
        case "L2":
            result =
                x.overRootMeanSquare(along: [axis], epsilon: 0, at: nil).normal
                * (1 / Double(value.shape[axis]).squareRoot())
        case let other: throw operation.malformed("its norm '\(onOneLine(other))' isn't MAX, L1 or L2")
        }
        return [Value(.float, try checked(result))]
    }

    /// What is replaced, by a number for each feature or by one for all.
    private static func impute(_ operation: Operation) throws -> [Value] {
        let value = try operation.number(0)
        let features = value.shape.dimensions.last ?? 1
        func fitting(_ count: Int) throws {
            guard count == 1 || count == features else {
                throw operation.mismatch("its \(count) numbers don't fit \(features) features")
            }
        }
        let x = try value.expression()
        if value.type.kind == .integer {
            guard let numbers = try operation.ints("imputed_value_int64s"), !numbers.isEmpty else {
                throw operation.malformed("it needs whole numbers for an input of whole numbers")
            }
            try fitting(numbers.count)
            let replaced = try operation.int("replaced_value_int64", default: 0)
            let other = CrypTensor(constant: Tensor(numbers.map { Int64($0) }, shape: [numbers.count]))
            return [Value(value.type, try checked(CrypTenExpressions.which(x .== replaced, other, x)))]
        }
        let other = try operation.real(1)
        try fitting(other.shape.count)
        let substitute = try other.reshaped([other.shape.count]).expression()
        if MissingNumbers.isReplaced(by: operation.node) {
            // What is missing is zero.
            guard let missing = value.missing else { return [value] }
            return [Value(value.type, try checked(x + missing * substitute))]
        }
        if case .float(let number)? = operation.node.attributes["replaced_value_float"], number.isInfinite {
            return [value]
        }
        let isReplaced = x .== (try operation.float("replaced_value_float", default: 0))
        return [Value(value.type, try checked(CrypTenExpressions.which(isReplaced, substitute, x)))]
    }
}
