import CrypTen

/// Steps of training: new weights from old ones, whose gradients are had on the way.
extension Workload {
    static let training: [Workload] = [logisticRegression, leNetStep]

    /// Ten steps of gradient descent from weights that are zero, on 1,000 rows of 100 numbers.
    private static let logisticRegression = Workload(
        name: "logreg_train",
        summary: "logistic regression, 10 steps on 1,000 rows of 100 numbers",
        inputs: [
            Operand(name: "lr-x", owner: 0, shape: [1000, 100], numbers: .uniform(-1...1)),
            Operand(name: "lr-y", owner: 1, shape: [1000, 2], numbers: .oneHot),
        ],
        fractionBits: 24
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
        return concatenate([weights.flatten(), bias], axis: 0)
    }

    /// One step of gradient descent of LeNet on 32 images.
    private static let leNetStep: Workload = {
        let inference = leNet(batch: 32)
        let names = inference.weights.map(\.name)
        return Workload(
            name: "lenet_sgd_b32",
            summary: "LeNet, one step of gradient descent on 32 images",
            inputs: inference.inputs + [Operand(name: "y", owner: 1, shape: [32, 10], numbers: .oneHot)],
            weights: inference.weights,
            fractionBits: 24
        ) { operands in
            let loss = crossEntropy(inference.body(operands), labels: operands["y"]!)
            let gradients = gradient(of: loss, withRespectTo: names.map { operands[$0]! })
            let steps = zip(names, gradients).map { (operands[$0]! - $1 * 0.1).flatten() }
            return concatenate(steps, axis: 0)
        }
    }()
}
