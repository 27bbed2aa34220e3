public import CrypTen

extension ONNXModel {
    /// What fixed point takes from the secret weights: at their owner, who alone has them.
    ///
    /// - Parameter fractionBits: The session's.
    /// - Returns: The tensors of which some number is off by more than 2⁻⁸ of its size, by layer and name, in the model's order; none
    ///   at a party that has the skeleton alone.
    public func encodingLosses(fractionBits: Int) -> [EncodingLoss] {
        parameters.compactMap { parameter in
            guard let value = parameter.value, parameter.type.kind == .real else { return nil }
            let layer = layer(of: parameter)
            let name = layer == parameter.name ? layer : "\(layer) / \(parameter.name)"
            let bits = self.fractionBits(of: parameter, session: fractionBits)
            return EncodingLoss(of: value, fractionBits: bits, name: name)
        }
    }
}
