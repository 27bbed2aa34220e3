import CrypTen
import CrypTenONNX

/// The same inference without secrets, in double: what private answers are compared with.
enum ClearInference {
    /// The outputs in the model's order.
    static func outputs(of model: ONNXModel, inputs: [String: Tensor]) throws -> [Tensor] {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: SessionConfiguration().fractionBits)
        var values: [ObjectIdentifier: Tensor] = [:]
        var arguments: [String: CrypTensor] = [:]
        for (name, tensor) in inputs {
            let expression = rehearsal.input(
                from: Inference.inputOwner,
                shape: tensor.shape,
                kind: tensor.kind,
                name: name
            )
            values[ObjectIdentifier(expression.node)] = tensor
            arguments[name] = expression
        }
        let module = rehearsal.announce(model, from: Inference.modelOwner)
        for parameter in model.parameters {
            guard let expression = module.parameters[parameter.name] else { continue }
            values[ObjectIdentifier(expression.node)] = parameter.value
            if let remainder = module.remainders.names[parameter.name].flatMap({ module.parameters[$0] }) {
                // Nothing is taken from the constants here.
                values[ObjectIdentifier(remainder.node)] = Tensor([0.0], shape: parameter.shape)
            }
        }
        let outputs = try module(arguments)
        return try ClearEvaluator { node in
            guard let tensor = values[ObjectIdentifier(node)] else {
                throw CrypTenError(.invalidArgument, "an input of the model isn't given")
            }
            return tensor
        }.evaluate(model.outputs.compactMap { outputs[$0.name]?.node })
    }
}
