internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Public exponents of secret weights.
extension ONNXModel {
    /// The exponents that a weight may have: what is smaller gains nothing, and what is larger can't be declared.
    private static let exponents = -40...46

    /// The same model whose secret weights each have a public exponent of their own: their largest magnitude, up to a power of two.
    ///
    /// A plan takes it for a declared range, so that small weights have more fraction bits than the session's, and large ones fewer. The
    /// exponents are in the skeleton, which all parties see, and in plans, which the dealer sees, too.
    ///
    /// At the owner, who has the numbers.
    public func withWeightExponents() -> ONNXModel {
        var model = self
        for parameter in parameters where parameter.type.kind == .real && !parameter.isSeparated {
            guard let largest = parameter.value?.doubles.lazy.map(\.magnitude).max(), largest > 0, largest.isFinite
            else { continue }
            let exponent = Int(largest.exponent) + 1
            guard exponent <= ONNXModel.exponents.upperBound else { continue }
            model.weightExponents[parameter.name] = max(exponent, ONNXModel.exponents.lowerBound)
        }
        return model
    }

    /// The fraction bits with which a plan encodes a weight of an exponent.
    func fractionBits(of parameter: Parameter, session: Int) -> Int {
        weightExponents[parameter.name].map { ValueRange.fractionBits(ofExponent: $0, session: session) } ?? session
    }

    /// What the exponent of a parameter says of its numbers.
    func range(of parameter: Parameter) -> ClosedRange<Double>? {
        weightExponents[parameter.name].map { exponent in
            let limit = Double(sign: .plus, exponent: exponent, significand: 1)
            return -limit...limit
        }
    }

    /// The exponents in the parameters' order; nothing for those that have none.
    var exponentText: String {
        parameters.map { weightExponents[$0.name].map(String.init) ?? "" }.joined(separator: ",")
    }

    /// Reads what a peer wrote.
    ///
    /// - Throws: `.malformedFile` for what isn't one exponent, or nothing, for each parameter.
    static func exponents(_ text: String, of parameters: [Parameter], _ problem: FileProblem) throws -> [String: Int] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == max(1, parameters.count) else {
            throw problem.malformed("it has \(parts.count) exponents for \(parameters.count) weights")
        }
        var exponents: [String: Int] = [:]
        for (parameter, part) in zip(parameters, parts) where !part.isEmpty {
            guard let exponent = Int(part), ONNXModel.exponents.contains(exponent), parameter.type.kind == .real else {
                throw problem.malformed("the exponent of weight '\(parameter.name)' isn't one")
            }
            exponents[parameter.name] = exponent
        }
        return exponents
    }
}
