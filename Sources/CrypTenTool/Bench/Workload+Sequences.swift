import CrypTen

/// Networks on text and speech; weights are party 0's, what they read is party 1's.
extension Workload {
    static let sequences: [Workload] = [textClassifier, encoderLayer, wav2Letter]

    /// The mean of 64 words' embeddings, by secret one-hot vectors, and a linear layer.
    private static let textClassifier = Workload(
        name: "text_cls",
        summary: "64 words of 1,000 by secret one-hot vectors, the mean of their embeddings, five classes",
        inputs: [Operand(name: "tx", owner: 1, shape: [64, 1000], numbers: .oneHot)],
        weights: [
            Operand(name: "tx-e", owner: 0, shape: [1000, 100], numbers: .normal(deviation: 1)),
            .linearWeight("tx-w", owner: 0, [5, 100]), .bias("tx-b", owner: 0, 5),
        ]
    ) { operands in
        operands["tx"]!.matmul(operands["tx-e"]!).mean(axis: 0, keepDimensions: true)
            .linear(operands["tx-w"]!, bias: operands["tx-b"]!)
    }

    private static let (width, heads, inner, length) = (768, 12, 3072, 128)

    /// Devlin, Chang, Lee, Toutanova, "BERT", NAACL '19: one encoder layer of the base model.
    private static let encoderLayer: Workload = {
        func matrix(_ name: String, _ rows: Int, _ columns: Int) -> Operand {
            let deviation = 1 / Double(rows).squareRoot()
            return Operand(name: name, owner: 0, shape: [rows, columns], numbers: .normal(deviation: deviation))
        }
        func gain(_ name: String) -> Operand {
            Operand(name: name, owner: 0, shape: [width], numbers: .uniform(0.8...1.2))
        }
        let projections = ["q", "k", "v", "o"].flatMap { name in
            [matrix("en-w" + name, width, width), .bias("en-b" + name, owner: 0, width)]
        }
        return Workload(
            name: "encoder_layer",
            summary: "an encoder layer of BERT-base: 768 wide, 12 heads, 128 words",
            inputs: [Operand(name: "en-x", owner: 1, shape: [length, width], numbers: .normal(deviation: 1))],
            weights: projections + [
                matrix("en-w1", width, inner), .bias("en-b1", owner: 0, inner),
                matrix("en-w2", inner, width), .bias("en-b2", owner: 0, width),
                gain("en-g1"), .bias("en-h1", owner: 0, width), gain("en-g2"), .bias("en-h2", owner: 0, width),
            ]
        ) { operands in
            func linear(_ x: CrypTensor, _ name: String) -> CrypTensor {
                x.matmul(operands["en-w" + name]!) + operands["en-b" + name]!
            }
            func split(_ x: CrypTensor) -> CrypTensor {
                x.reshape(length, heads, width / heads).permuted(1, 0, 2)
            }
            func norm(_ x: CrypTensor, _ number: Int) -> CrypTensor {
                x.layerNorm(weight: operands["en-g\(number)"]!, bias: operands["en-h\(number)"]!)
            }
            let x = operands["en-x"]!
            let attended = withLayer("attention") { () -> CrypTensor in
                let (q, k, v) = (split(linear(x, "q")), split(linear(x, "k")), split(linear(x, "v")))
                let scores = q.matmul(k.permuted(0, 2, 1)) * (1 / Double(width / heads).squareRoot())
                let mixed = scores.softmax(axis: -1).matmul(v).permuted(1, 0, 2).reshape(length, width)
                return linear(mixed, "o")
            }
            let between = withLayer("norm1") { norm(x + attended, 1) }
            let fed = withLayer("feed forward") { linear(linear(between, "1").gelu(), "2") }
            return withLayer("norm2") { norm(between + fed, 2) }
        }
    }()

    /// Channels in and out, kernel, stride and padding.
    private static let convolutions: [(inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int)] =
        [(1, 250, 250, 160, 45), (250, 250, 48, 2, 23)]
        + [(inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int)](
            repeating: (250, 250, 7, 1, 3),
            count: 7
        )
        + [(250, 2000, 32, 1, 16), (2000, 2000, 1, 1, 0), (2000, 40, 1, 1, 0)]

    /// Collobert, Puhrsch, Synnaeve, "Wav2Letter", 2016: two seconds of sound at 16 kHz, 40 letters.
    private static let wav2Letter = Workload(
        name: "wav2letter_2s",
        summary: "Wav2Letter, 26 million weights, on two seconds of sound",
        inputs: [Operand(name: "w2l-x", owner: 1, shape: [1, 1, 32000], numbers: .uniform(-1...1))],
        weights: convolutions.enumerated().flatMap { index, layer in
            [
                Operand.convolutionWeight("w2l-\(index)", owner: 0, [layer.outputs, layer.inputs, layer.kernel]),
                Operand(
                    name: "w2l-b\(index)",
                    owner: 0,
                    shape: [layer.outputs],
                    numbers: .uniform(-0.05...0.05)
                ),
            ]
        }
    ) { operands in
        convolutions.enumerated().reduce(operands["w2l-x"]!) { x, layer in
            let (index, layer) = layer
            return withLayer("conv\(index + 1)") {
                let y = x.conv1d(
                    operands["w2l-\(index)"]!,
                    bias: operands["w2l-b\(index)"]!,
                    stride: layer.stride,
                    padding: layer.padding
                )
                return index + 1 < convolutions.count ? y.relu() : y
            }
        }
    }
}
