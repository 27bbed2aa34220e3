extension Session {
    /// Gives a module its first parameters and buffers: one party draws them, and they are its secrets.
    ///
    /// - Parameters:
    ///   - model: A module whose parts say how they start; what it had before is replaced.
    ///   - owner: The party that draws and so knows the first weights.
    ///   - seed: Decides the numbers, with each tensor's position in the module; read at the owner alone. Nil: the system's generator.
    /// - Throws: before anything is sent, what is wrong with a layer's arguments or with its initialiser; otherwise as ``hold(_:)``. The model
    ///   is unchanged then.
    /// - Complexity: 8 bytes an element from the owner to each other party, at once, counted as setup: products read the tensors
    ///   as they are, until a training step makes new ones.
    public func initialize<Model: Module>(_ model: inout Model, owner: PartyID, seed: UInt64? = nil) async throws {
        let specifications = try model.checkedSpecifications()
        var tensors: [CrypTensor] = []
        for (position, specification) in specifications.enumerated() {
            tensors.append(
                try await input(
                    from: owner,
                    shape: specification.shape,
                    kind: specification.kind,
                    name: specification.name
                ) {
                    if let seed {
                        var generator = SeededGenerator(seed: seed, stream: position)
                        return try specification.draw(using: &generator)
                    }
                    var generator = SystemRandomNumberGenerator()
                    return try specification.draw(using: &generator)
                }
            )
        }
        model.assign(try await hold(tensors), to: specifications)
    }

    /// Gives a module its first parameters and buffers, drawn so that no party knows them.
    ///
    /// Uniform numbers are multiples of `width · 2^-fractionBits`; normal ones are those of ``normal(_:drawnBy:)``, within 4.71
    /// deviations with 16 fraction bits. Constants, which all parties know, are inputs of party 0.
    ///
    /// - Parameters:
    ///   - model: A module whose parts say how they start; what it had before is replaced.
    ///   - source: Who draws. The dealer knows its own numbers.
    /// - Throws: `.invalidArgument`, before anything is sent, for what is wrong with a layer's arguments, and for orthogonal and truncated normal
    ///   initialisers, which aren't drawn in secret; a truncated normal one whose bounds lie 4.71 deviations or more from its mean is, with 16 fraction bits.
    ///   Otherwise as ``hold(_:)``. The model is unchanged then.
    /// - Complexity: ``uniform(_:drawnBy:)`` or ``normal(_:drawnBy:)`` an element, all in the rounds of one; counted as setup. The tensors are
    ///   shares, which each run that multiplies them masks, until a training step makes new ones.
    public func initialize<Model: Module>(_ model: inout Model, drawnBy source: RandomSource) async throws {
        let specifications = try model.checkedSpecifications()
        let fractionBits = configuration.fractionBits
        let distributions = try specifications.map { specification in
            let distribution = try specification.initializer.distribution(of: specification.shape)
            try distribution.checkDrawnInSecret(specification.name, fractionBits: fractionBits)
            return distribution
        }
        var tensors: [CrypTensor] = []
        for (specification, distribution) in zip(specifications, distributions) {
            tensors.append(try await draw(distribution, for: specification, from: source))
        }
        model.assign(try await hold(tensors), to: specifications)
    }

    private func draw(
        _ distribution: Initializer.Distribution,
        for specification: ParameterSpecification,
        from source: RandomSource
    ) async throws -> CrypTensor {
        let (shape, name) = (specification.shape, specification.name)
        switch distribution {
        case .uniform(let low, let high) where high > low:
            let numbers = try await uniform(shape, drawnBy: source)
            return withLayer(name) { numbers * (high - low) + low }
        case .normal(let mean, let deviation), .truncatedNormal(let mean, let deviation, _, _):
            guard deviation > 0 else { break }
            let numbers = try await normal(shape, drawnBy: source)
            return withLayer(name) { numbers * deviation + mean }
        case .zeroRow(let row, let other):
            let numbers = try await draw(other, for: specification, from: source)
            let width = shape.count / shape[0]
            let kept = (0..<shape.count).map { $0 / max(1, width) != row }
            return withLayer(name) {
                numbers.where(CrypTensor(constant: Tensor(.bool(kept), shape: shape)), otherwise: 0.0)
            }
        case .uniform, .constant, .identity, .orthogonal:
            break
        }
        return try await input(from: .party(0), shape: shape, kind: specification.kind, name: name) {
            var generator = SeededGenerator(seed: 0)
            return try specification.draw(using: &generator)
        }
    }
}

extension Initializer.Distribution {
    /// Beyond so many deviations ``Session/normal(_:drawnBy:)`` draws nothing: its radius is √(−2 ln u) of a multiple u of 2^-fractionBits.
    fileprivate static func farthest(fractionBits: Int) -> Double {
        (2 * Double(fractionBits) * PortableFunctions.log(2)).squareRoot()
    }

    /// Whether numbers that no party knows can be drawn from this.
    fileprivate func checkDrawnInSecret(_ name: String, fractionBits: Int) throws {
        switch self {
        case .orthogonal:
            throw CrypTenError(
                .invalidArgument,
                "'\(name)' can't be drawn so that nobody knows it: orthogonal vectors aren't drawn in secret; use another initialiser or an owner"
            )
        case .truncatedNormal(let mean, let deviation, let low, let high)
        where min(high - mean, mean - low) < Self.farthest(fractionBits: fractionBits) * deviation:
            throw CrypTenError(
                .invalidArgument,
                "'\(name)' can't be drawn so that nobody knows it: its normal numbers are cut off at \(low) and \(high), less than "
                    + "\(Self.farthest(fractionBits: fractionBits)) deviations from their mean; use .normal or .uniform, or an owner"
            )
        case .zeroRow(_, let other):
            try other.checkDrawnInSecret(name, fractionBits: fractionBits)
        case .uniform, .normal, .truncatedNormal, .constant, .identity:
            break
        }
    }
}

extension ParameterSpecification {
    /// First values of the specification's kind.
    package func draw(using generator: inout some RandomNumberGenerator) throws -> Tensor {
        let values = try initializer.draw(shape, using: &generator)
        if kind == .real { return values }
        guard let whole = values.integers else {
            throw CrypTenError(.invalidArgument, "'\(name)' has whole numbers, and \(initializer) gives others")
        }
        return Tensor(whole, shape: shape)
    }
}

extension Module {
    /// The specifications, or the first error that a layer's arguments or initialisers are.
    func checkedSpecifications() throws -> [ParameterSpecification] {
        let specifications = specifications
        for specification in specifications {
            if let problem = specification.problem { throw problem }
            _ = try specification.initializer.distribution(of: specification.shape)
        }
        return specifications
    }

    mutating func assign(_ tensors: [CrypTensor], to specifications: [ParameterSpecification]) {
        let tree = ParameterTree(zip(specifications, tensors).map { ($0.name, $1) })
        (parameters, buffers) = (tree, tree)
    }
}
