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

extension ONNXModel {
    /// A public constant that multiplies or divides, of which a number is too large for what it says.
    package struct HeldFactor: Hashable, Sendable {
        package var name: String
        package var number: Double
        /// Who reads it.
        package var node: String
        package var operation: String
    }

    /// Operators for which a constant is a factor or a divisor.
    private static let products: Set<String> = ["Conv", "ConvTranspose", "Div", "Einsum", "Gemm", "MatMul", "Mul"]

    /// Numbers that are larger are nobody's amounts.
    private static let largestAmount = 0x1p64

    /// Public factors that are held at ±2²⁸, since numbers beyond 2³² are taken for a mask's: a product with them is another one.
    ///
    /// Penalties of masks, which are larger still, are not among them.
    package var heldFactors: [HeldFactor] {
        nodes.filter { ONNXModel.products.contains($0.operation) }.flatMap { node in
            node.inputs.compactMap { name -> HeldFactor? in
                guard let tensor = values[name]?.knownTensor, tensor.kind == .real,
                    let number = tensor.doubles.first(where: {
                        $0.magnitude > Value.largest && $0.magnitude < ONNXModel.largestAmount
                    })
                else { return nil }
                return HeldFactor(name: name, number: number, node: node.name, operation: node.operation)
            }
        }
    }
}
