internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension ONNXElementType {
    /// A whole number in this type, which keeps its low bits.
    func wrapping(_ number: Int64) -> Int64 {
        guard let range = integers, bits < 64, !range.contains(number) else { return number }
        let unsigned = number & ((1 << Int64(bits)) - 1)
        return range.lowerBound < 0 && unsigned > range.upperBound ? unsigned - (1 << Int64(bits)) : unsigned
    }

    /// Whether results of secrets are wrapped, too: types so narrow that a sum or a product leaves them every day.
    fileprivate var wrapsSecrets: Bool {
        kind == .integer && bits <= 16
    }
}

extension Value {
    /// The same whole numbers modulo 2 to the bits of their type, as arithmetic in it has them.
    ///
    /// Secret numbers of 8 and 16 bits are wrapped, which takes 10 rounds; those of 32 and 64 bits are right where no result leaves the
    /// type.
    func wrapped() throws -> Value {
        guard let range = type.integers, type.bits < 64 else { return self }
        switch content {
        case .known(let tensor): return Value(type, known: wrapped(tensor))
        case .weight(var weight):
            weight.tensor = weight.tensor.map(wrapped)
            return Value(type, weight: weight)
        case .expression(let expression):
            guard type.wrapsSecrets else { return self }
            let low = Int(range.lowerBound)
            let raised = low == 0 ? expression : expression - low
            let rest = raised.remainder(Double(1 << type.bits))
            return Value(type, try checked(low == 0 ? rest : rest + low))
        case .list, .nothing: return self
        }
    }

    private func wrapped(_ tensor: Tensor) -> Tensor {
        let numbers = wholeNumbers(tensor)
        guard numbers.contains(where: { type.wrapping($0) != $0 }) else { return tensor }
        return Tensor(numbers.map(type.wrapping), shape: tensor.shape)
    }
}
