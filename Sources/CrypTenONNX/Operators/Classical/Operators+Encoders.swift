internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Classes as numbers, by comparison with every key.
    ///
    /// Texts are places in a list by then, see `TextPlaces`.
    static let encoders: [String: OperatorEntry] = [
        OperatorDomain.classical.operation("Binarizer"): OperatorEntry([1]) { operation in
            let x = try operation.number(0).expression().toReal()
            guard let value = operation.optional(1) else { return [Value(.float, try checked((x .> 0).toReal()))] }
            guard value.shape.count == 1 else { throw operation.malformed("its threshold isn't one number") }
            let threshold = try value.reshaped([]).expression()
            return [Value(.float, try checked((x .> threshold).toReal()))]
        },
        OperatorDomain.classical.operation("OneHotEncoder"): OperatorEntry([1]) { operation in
            let x = try operation.whole(0)
            guard let categories = try operation.ints("cats_int64s"), !categories.isEmpty else {
                throw operation.unsupported("it has no categories of whole numbers, and its input isn't text")
            }
            guard x.rank <= 2, categories.count <= 1 << 20 else {
                throw operation.mismatch(
                    "its input of shape \(x.shape) and \(categories.count) categories are too many"
                )
            }
            let keys = CrypTensor(constant: Tensor(categories.map { Int64($0) }, shape: [categories.count]))
            return [Value(.float, try checked(x.matching(try operation.lastOf(categories), keys).toReal()))]
        },
        OperatorDomain.classical.operation("LabelEncoder"): OperatorEntry([1, 2, 4], encodeLabels),
        OperatorDomain.classical.operation("CategoryMapper"): OperatorEntry([1]) { operation in
            let x = try operation.whole(0)
            guard let keys = try operation.ints(TextPlaces.keys), let values = try operation.ints(TextPlaces.values),
                keys.count == values.count, !keys.isEmpty
            else { throw operation.malformed("its categories as texts and as whole numbers aren't as many") }
            let standard = try operation.int("default_int64", default: -1)
            return [Value(.int64, try checked(try operation.mapped(x, keys, values, standard)))]
        },
    ]

    /// Keys and values, each of whole numbers or of floats; texts are places.
    private static func encodeLabels(_ operation: Operation) throws -> [Value] {
        let position = LabelInput.keys
        let x = try operation.number(0)
        let wholeKeys = try operation.ints("keys_int64s")
        let wholeValues = try operation.ints("values_int64s")
        let bits: CrypTensor
        let count: Int
        if let wholeKeys, !wholeKeys.isEmpty {
            count = wholeKeys.count
            let keys = CrypTensor(constant: Tensor(wholeKeys.map { Int64($0) }, shape: [count]))
            bits = try operation.whole(0).matching(try operation.firstOf(wholeKeys), keys)
        } else {
            guard let keys = operation.optional(position), keys.type.kind == .real, x.type.kind == .real,
                keys.shape.rank <= 1, keys.shape.count > 0
            else { throw operation.malformed("it needs keys of its input's type") }
            count = keys.shape.count
            bits = try x.expression().matching(Array(0..<count), try keys.reshaped([count]).expression())
        }
        if let wholeValues, !wholeValues.isEmpty {
            let standard = try operation.int("default_int64", default: -1)
            guard wholeValues.count == count else {
                throw operation.malformed("it has \(count) keys and \(wholeValues.count) values")
            }
            return [Value(.int64, try checked(bits.sum(of: wholeValues, else: standard)))]
        }
        guard let values = operation.optional(LabelInput.values), values.type.kind == .real, values.shape.count == count
        else { throw operation.malformed("it needs as many values as keys, and has \(count) keys") }
        let chosen = (bits * (try values.reshaped([count]).expression()).broadcast(to: bits.shape)).sum(axis: -1)
        guard let standard = operation.optional(LabelInput.standard) else {
            return [Value(.float, try checked(chosen))]
        }
        guard standard.shape.count == 1 else { throw operation.malformed("its default isn't one number") }
        let isNone = bits.toInteger().sum(axis: -1) .== 0
        let other = (try standard.reshaped([]).expression()).broadcast(to: chosen.shape)
        return [Value(.float, try checked(chosen + isNone * other))]
    }

    /// The weights of a `LabelEncoder`, after its one input.
    private enum LabelInput {
        static let values = 1
        static let standard = 2
        static let keys = 3
    }
}

extension Operation {
    /// An input as whole numbers: of floats what is left of the point.
    fileprivate func whole(_ position: Int) throws -> CrypTensor {
        let value = try number(position)
        let expression = try value.expression()
        return value.type.kind == .real ? expression.trunc() : expression
    }

    /// Which of equal keys counts: the last.
    fileprivate func lastOf(_ keys: [Int]) throws -> [Int] {
        let last = keys.enumerated().reduce(into: [Int: Int]()) { $0[$1.element] = $1.offset }
        return keys.indices.filter { last[keys[$0]] == $0 }
    }

    /// Which of equal keys counts: the first.
    fileprivate func firstOf(_ keys: [Int]) throws -> [Int] {
        var seen: Set<Int> = []
        return keys.indices.filter { seen.insert(keys[$0]).inserted }
    }

    fileprivate func mapped(_ x: CrypTensor, _ keys: [Int], _ values: [Int], _ standard: Int) throws -> CrypTensor {
        let table = CrypTensor(constant: Tensor(keys.map { Int64($0) }, shape: [keys.count]))
        return x.matching(try lastOf(keys), table).sum(of: values, else: standard)
    }
}

extension CrypTensor {
    /// Bits along a new last axis: 1 where these numbers equal the key, for keys that count; 0 for the others.
    fileprivate func matching(_ counting: [Int], _ keys: CrypTensor) -> CrypTensor {
        let bits = reshape(Shape(shape.dimensions + [1])) .== keys
        if counting.count == keys.count { return bits }
        let counted = Set(counting)
        let flags = (0..<keys.count).map { counted.contains($0) }
        return bits & CrypTensor(constant: Tensor(.bool(flags), shape: [keys.count]))
    }

    /// The value whose bit is 1, or another where none is.
    fileprivate func sum(of values: [Int], else standard: Int) -> CrypTensor {
        let differences = values.map { Int64($0) &- Int64(standard) }
        let table = CrypTensor(constant: Tensor(differences, shape: [values.count]))
        return (self * table.broadcast(to: shape)).sum(axis: -1) + standard
    }
}
