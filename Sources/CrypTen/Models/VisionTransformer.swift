/// A transformer of image patches, `[N, 3, H, W]` to `[N, classes]`, as torchvision has it; Dosovitskiy and others 2021.
///
/// State: `class_token`, `conv_proj`, `encoder.pos_embedding`, `encoder.layers.encoder_layer_0.ln_1` and so on, `encoder.ln`, `heads.head`.
public struct VisionTransformer: CompositeModule, Layer {
    /// What stands before the patches; its last value is classified.
    public var classToken: Parameter
    /// From patches to vectors.
    public var projection: Conv2d
    /// The transformer.
    public var encoder: VisionEncoder
    /// From a vector to scores.
    public var head: Linear

    /// The parts, by torchvision's names.
    public static var children: [Child<Self>] {
        [
            Child("class_token", \.classToken), Child("conv_proj", \.projection), Child("encoder", \.encoder),
            Child("heads.head", \.head),
        ]
    }

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - imageSize: Rows and columns of the images, a multiple of the patches'.
    ///   - patchSize: Rows and columns of a patch.
    ///   - layers: How many the transformer has.
    ///   - heads: How many its attention has.
    ///   - width: How long a patch's vector is.
    ///   - feedForwardWidth: The extent between a layer's two products.
    ///   - classes: How many.
    ///   - dropout: The probability with which elements are dropped in training.
    public init(
        imageSize: Int,
        patchSize: Int,
        layers: Int,
        heads: Int,
        width: Int,
        feedForwardWidth: Int,
        classes: Int = 1000,
        dropout: Double = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        classToken = Parameter("class_token", [1, 1, width], .zeros, file: file, line: line)
        let fanIn = Double(max(1, 3 &* patchSize &* patchSize))
        projection = Conv2d(
            3,
            width,
            kernelSize: IntOrPair(patchSize),
            stride: IntOrPair(patchSize),
            file: file,
            line: line
        )
        .initializing("weight", .truncatedNormal(deviation: (1 / fanIn).squareRoot())).initializing("bias", .zeros)
        let side = patchSize > 0 ? imageSize / patchSize : 0
        encoder = VisionEncoder(
            steps: side &* side &+ 1,
            layers: layers,
            heads: heads,
            width: width,
            feedForwardWidth: feedForwardWidth,
            dropout: dropout,
            file: file,
            line: line
        )
        head = Linear(width, classes, file: file, line: line).initializing("weight", .zeros).initializing(
            "bias",
            .zeros
        )
    }

    /// The base network with patches of 16 × 16 on images of 224 × 224: 86,567,656 numbers for 1,000 classes.
    public static func base16(
        classes: Int = 1000,
        dropout: Double = 0,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> VisionTransformer {
        VisionTransformer(
            imageSize: 224,
            patchSize: 16,
            layers: 12,
            heads: 12,
            width: 768,
            feedForwardWidth: 3072,
            classes: classes,
            dropout: dropout,
            file: file,
            line: line
        )
    }

    /// A score for each class.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let patches = withLayer("conv_proj") { projection(x) }
        guard patches.error == nil else { return patches }
        let token = classToken.tensor
        guard token.error == nil else { return token }
        let (batch, width) = (patches.shape[0], patches.shape[1])
        let vectors = patches.reshape([batch, width, patches.shape[2] * patches.shape[3]]).transposed(1, 2)
        let steps = concatenate([token.broadcast(to: [batch, 1, width]), vectors], axis: 1)
        let encoded = withLayer("encoder") { encoder(steps) }
        return withLayer("heads.head") { head(encoded.narrow(axis: 1, start: 0, length: 1).squeeze(axis: 1)) }
    }
}

/// The transformer of a ``VisionTransformer``.
public struct VisionEncoder: CompositeModule, Layer {
    /// What is added to each step.
    public var positions: Parameter
    /// The layers.
    public var layers: ModuleList<VisionEncoderLayer>
    /// The normalisation at the end.
    public var norm: LayerNorm
    private var dropout: Dropout

    /// The parts, by torchvision's names.
    public static var children: [Child<Self>] {
        [
            Child("pos_embedding", \.positions), Child("layers", \.layers), Child("ln", \.norm),
            Child("dropout", \.dropout),
        ]
    }

    init(
        steps: Int,
        layers: Int,
        heads: Int,
        width: Int,
        feedForwardWidth: Int,
        dropout: Double,
        file: StaticString,
        line: UInt
    ) {
        positions = Parameter("pos_embedding", [1, steps, width], .normal(deviation: 0.02), file: file, line: line)
        let layer = VisionEncoderLayer(width, heads, feedForwardWidth, dropout, file, line)
        self.layers = ModuleList(
            [VisionEncoderLayer](repeating: layer, count: max(0, layers)),
            prefix: "encoder_layer_"
        )
        norm = LayerNorm(width, epsilon: 1e-6, file: file, line: line)
        self.dropout = Dropout(dropout, file: file, line: line)
    }

    /// The encoder's value of sequences `[N, T, E]`.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let steps = dropout(x + positions.tensor)
        let encoded = withLayer("layers") { layers(steps) }
        return withLayer("ln") { norm(encoded) }
    }
}

/// A layer of a ``VisionEncoder``: normalised before attention and before the step network.
public struct VisionEncoderLayer: CompositeModule, Layer {
    /// The normalisation before attention.
    public var norm1: LayerNorm
    /// Self-attention.
    public var attention: MultiHeadAttention
    /// The normalisation before the step network.
    public var norm2: LayerNorm
    /// The step network.
    public var network: Sequential
    private var dropout: Dropout

    /// The parts, by torchvision's names.
    public static var children: [Child<Self>] {
        [
            Child("ln_1", \.norm1), Child("self_attention", \.attention), Child("ln_2", \.norm2),
            Child("mlp", \.network), Child("dropout", \.dropout),
        ]
    }

    fileprivate init(
        _ width: Int,
        _ heads: Int,
        _ inner: Int,
        _ dropout: Double,
        _ file: StaticString,
        _ line: UInt
    ) {
        func unit(_ from: Int, _ to: Int) -> Linear {
            Linear(from, to, file: file, line: line).initializing("weight", .xavierUniform())
                .initializing("bias", .normal(deviation: 1e-6))
        }
        norm1 = LayerNorm(width, epsilon: 1e-6, file: file, line: line)
        attention = MultiHeadAttention(width, heads: heads, batchFirst: true, file: file, line: line)
        norm2 = LayerNorm(width, epsilon: 1e-6, file: file, line: line)
        network = Sequential {
            unit(width, inner)
            GELU(file: file, line: line)
            Dropout(dropout, file: file, line: line)
            unit(inner, width)
            Dropout(dropout, file: file, line: line)
        }
        self.dropout = Dropout(dropout, file: file, line: line)
    }

    /// The layer's value of sequences `[N, T, E]`.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let normal = withLayer("ln_1") { norm1(x) }
        let sum = x + withLayer("self_attention") { dropout(attention(normal)) }
        let second = withLayer("ln_2") { norm2(sum) }
        return sum + withLayer("mlp") { network(second) }
    }
}
