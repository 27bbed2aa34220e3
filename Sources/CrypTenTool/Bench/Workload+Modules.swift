import CrypTen

/// Steps of training modules: weights are party 0's at first, data party 1's.
extension Workload {
    static let modules: [Workload] = [perceptronStep, residualStep, transformerStep, textStep]

    /// One step of training a module.
    ///
    /// - Parameters:
    ///   - inputs: What the loss reads.
    ///   - loss: Of the module, in training, on the inputs.
    private static func step<Model: Module>(
        _ name: String,
        _ summary: String,
        of model: Model,
        _ optimizer: some Optimizer,
        on inputs: [Operand],
        loss: @escaping @Sendable (Model, [String: CrypTensor]) -> CrypTensor
    ) -> Workload {
        func operands(_ role: ParameterSpecification.Role) -> [Operand] {
            model.specifications.filter { $0.role == role && $0.kind == .real }.map {
                Operand(name: $0.name, owner: 0, shape: $0.shape, numbers: .initial($0.initializer))
            }
        }
        let (parameters, buffers) = (operands(.parameter), operands(.buffer))
        let update = OptimizerStep(of: parameters, optimizer)
        let bits = TrainingScales(fractionBits: SessionConfiguration().fractionBits).parameters
        return Workload(
            name: name,
            summary: summary,
            inputs: inputs + update.rates,
            weights: update.weights + buffers,
            fractionBits: update.fractionBits + buffers.map { _ in bits }
        ) { operands in
            func tree(_ names: [Operand]) -> ParameterTree {
                ParameterTree(names.map { ($0.name, operands[$0.name]!) })
            }
            var model = model.train()
            (model.parameters, model.buffers) = (tree(parameters), tree(buffers))
            let (_, gradients, next) = valueAndGradient(of: model) { loss($0, operands) }
            return update(parameters.map { gradients[$0.name]! }, operands) + buffers.map { next[$0.name]! }
        }
    }

    private static let perceptronStep = step(
        "mlp_train",
        "784-128-128-10 network, one step of gradient descent with momentum on 128 images",
        of: Sequential {
            Linear(784, 128)
            ReLU()
            Linear(128, 128)
            ReLU()
            Linear(128, 10)
        },
        SGD(learningRate: 0.1, momentum: 0.9),
        on: [
            Operand(name: "mlp-x", owner: 1, shape: [128, 784], numbers: .uniform(0...1)), .labels(128, classes: 10),
        ]
    ) { model, operands in crossEntropy(model(operands["mlp-x"]!), labels: operands["y"]!) }

    private static let residualStep = step(
        "resnet18_train_b8",
        "ResNet-18, one step of gradient descent with momentum on 8 images of 32×32",
        of: ResNet.resNet18(classes: 10, smallImages: true),
        SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4),
        on: [
            Operand(name: "rn-x8", owner: 1, shape: [8, 3, 32, 32], numbers: .normal(deviation: 1)),
            .labels(8, classes: 10),
        ]
    ) { model, operands in crossEntropy(model(operands["rn-x8"]!), labels: operands["y"]!) }

    /// As large as BERT-Tiny: Turc, Chang, Lee and Toutanova, "Well-Read Students Learn Better", 2019.
    private static let transformerStep = step(
        "transformer_step",
        "two encoder layers, 128 wide, 2 heads, one step of AdamW on 8 sequences of 32",
        of: Sequential {
            TransformerEncoder(
                TransformerEncoderLayer(
                    128,
                    heads: 2,
                    feedForwardWidth: 512,
                    dropout: 0,
                    activation: .gelu,
                    batchFirst: true
                ),
                layers: 2
            )
            Lambda { $0.mean(axis: 1) }
            Linear(128, 10)
        },
        Adam.withDecoupledDecay(learningRate: 0.001),
        on: [
            Operand(name: "tr-x", owner: 1, shape: [8, 32, 128], numbers: .normal(deviation: 1)),
            .labels(8, classes: 10),
        ]
    ) { model, operands in crossEntropy(model(operands["tr-x"]!), labels: operands["y"]!) }

    private static let textStep = step(
        "text_train",
        "means of 40 words of 5,000, 32 wide, two classes, one step of Adam on 256 texts",
        of: Sequential {
            Linear(5000, 32, bias: false)
            Lambda { $0 * (1 / 40.0) }
            Linear(32, 2)
        },
        Adam(learningRate: 0.01),
        on: [
            Operand(name: "words", owner: 1, shape: [256, 5000], numbers: .counts(words: 40)),
            .labels(256, classes: 2),
        ]
    ) { model, operands in crossEntropy(model(operands["words"]!), labels: operands["y"]!) }
}
