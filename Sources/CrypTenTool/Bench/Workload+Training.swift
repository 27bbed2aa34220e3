import CrypTen

/// Steps of training: new weights from old ones, whose gradients are had on the way.
extension Workload {
    static let training: [Workload] = [logisticRegression, leNetSGD, leNetAdam]

    /// Ten steps of gradient descent from weights that are zero, on 1,000 rows of 100 numbers.
    private static let logisticRegression = Workload(
        name: "logreg_train",
        summary: "logistic regression, 10 steps on 1,000 rows of 100 numbers",
        inputs: [
            Operand(name: "lr-x", owner: 0, shape: [1000, 100], numbers: .uniform(-1...1)),
            Operand(name: "lr-y", owner: 1, shape: [1000, 2], numbers: .oneHot),
        ],
        fractionBits: [24]
    ) { operands in
        let x = operands["lr-x"]!
        let y = operands["lr-y"]!.narrow(axis: 1, start: 0, length: 1)
        var weights = CrypTensor(constant: Tensor([Double](repeating: 0, count: 100), shape: [100, 1]))
        var bias = CrypTensor(constant: Tensor([0.0], shape: [1]))
        for _ in 0..<10 {
            let loss = binaryCrossEntropyWithLogits(x.matmul(weights) + bias, y)
            let gradients = gradient(of: loss, withRespectTo: [weights, bias])
            (weights, bias) = (weights - gradients[0], bias - gradients[1])
        }
        return [concatenate([weights.flatten(), bias], axis: 0)]
    }

    private static let leNetSGD = leNetStep("lenet_sgd_b32", "one step of gradient descent", SGD(learningRate: 0.1))
    private static let leNetAdam = leNetStep("lenet_adam_b32", "one step of Adam", Adam(learningRate: 0.003))

    /// One step of an optimiser on 32 images.
    private static func leNetStep(_ name: String, _ summary: String, _ optimizer: some Optimizer) -> Workload {
        let inference = leNet(batch: 32)
        let step = OptimizerStep(of: inference.weights, optimizer)
        return Workload(
            name: name,
            summary: "LeNet, \(summary) on 32 images",
            inputs: inference.inputs + [.labels(32, classes: 10)] + step.rates,
            weights: step.weights,
            fractionBits: step.fractionBits
        ) { operands in
            let loss = crossEntropy(inference.body(operands)[0], labels: operands["y"]!)
            return step(gradient(of: loss, withRespectTo: inference.weights.map { operands[$0.name]! }), operands)
        }
    }
}

extension Workload.Operand {
    /// One-hot labels, party 1's.
    static func labels(_ rows: Int, classes: Int) -> Self {
        Self(name: "y", owner: 1, shape: [rows, classes], numbers: .oneHot)
    }
}
