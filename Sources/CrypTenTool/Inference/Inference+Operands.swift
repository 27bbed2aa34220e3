import CrypTen
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import Foundation

/// What the model is called with: the parties' parts of its inputs, cut into slices, joined and encoded.
extension Inference {
    struct Arguments {
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
    }

    /// One input as this party knows it before it is cut.
    struct Operand {
        var joined: JoinedInput<Arrangement.Piece>
        /// What all may know of a secret input.
        var range: ClosedRange<Double>?
        /// A public input, as a whole.
        var known: (expression: CrypTensor, value: Tensor)?

        var name: String { joined.input.name }

        /// The shape of all of it, as its owners have it.
        func shape() throws -> Shape {
            if let known { return known.value.shape }
            return try joined.shape(of: joined.parts.map(\.shape))
        }
    }

    func operands(
        _ inputs: [JoinedInput<Arrangement.Piece>],
        _ arrangement: Arrangement,
        _ files: Files,
        _ session: Session
    ) async throws -> [Operand] {
        var operands: [Operand] = []
        for input in inputs {
            var operand = Operand(joined: input)
            operand.range = arrangement.ranges.first { $0.name == input.input.name }?.range
            if let piece = input.parts.first, piece.isPublic {
                operand.known = try await session.publicInput(from: piece.owner, name: input.input.name) {
                    try files.contents.get()[piece.index].encoded(for: input.input)
                }
            }
            operands.append(operand)
        }
        return operands
    }

    /// What the encoding takes from this party's inputs; it is told: with the fraction bits that follow from their ranges.
    func inputLosses(_ operands: [Operand], _ files: Files, _ session: Session) -> [EncodingLoss] {
        guard let tensors = try? files.contents.get() else { return [] }
        let fractionBits = session.configuration.fractionBits
        let secret = operands.filter { operand in
            operand.known == nil && !operand.joined.input.isOrdered
                && operand.joined.parts.contains { $0.owner == session.party }
        }
        let losses = secret.flatMap { operand in
            operand.joined.parts.filter { $0.owner == session.party }.compactMap { piece in
                EncodingLoss(
                    of: tensors[piece.index].raw,
                    fractionBits: fractionBits,
                    range: operand.range,
                    name: inputs[piece.index].file.name ?? inputs[piece.index].file.path
                )
            }
        }
        let isDeclared = secret.contains { $0.range != nil }
        if let text = LossNote.inputs(losses, fractionBits: fractionBits, isDeclared: isDeclared).text { note(text) }
        return losses
    }

    /// How the batch is cut so that all processes keep to their memory.
    func cut(
        _ arrangement: Arrangement,
        _ operands: [Operand],
        _ outputs: [ReceivedOutput],
        _ model: ONNXModel,
        _ session: Session
    ) throws -> Slicing.Cut {
        guard let limit = arrangement.memoryLimit else { return Slicing.Cut(slices: nil, madeBytes: 0) }
        let known = try operands.map { operand -> Slicing.Argument in
            let shape = try operand.shape()
            guard shape.count < 1 << 40 else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(operand.joined.parts[0].owner) names no shape of '\(operand.name)' that can be planned"
                )
            }
            return Slicing.Argument(
                name: operand.name,
                shape: operand.known == nil ? try operand.joined.input.givenShape(shape) : shape,
                kind: operand.joined.input.givenKind(operand.joined.parts[0].kind),
                owner: operand.joined.parts[0].owner,
                value: operand.known?.value,
                range: operand.range
            )
        }
        return try naming(operands) {
            try Slicing(
                model: model,
                modelOwner: arrangement.modelOwner,
                arguments: known,
                outputs: outputs,
                parties: session.partyCount,
                fractionBits: session.configuration.fractionBits,
                slabBits: session.configuration.slabBits,
                correlations: CorrelationSetting(of: session.configuration),
                budget: MemoryBudget(limit: limit)
            ).cut()
        }
    }

    /// What the model is called with for a slice, or for the whole batch where there is none.
    func arguments(
        _ operands: [Operand],
        _ slice: Range<Int>?,
        _ files: Files,
        _ model: ONNXModel,
        _ session: Session
    ) async throws -> Arguments {
        var arguments = Arguments()
        let batch = slice == nil ? nil : try operands.lazy.filter { $0.known == nil }.first?.shape().dimensions.first
        let secret = Set(operands.lazy.filter { $0.known == nil }.map(\.name))
        for operand in operands {
            let name = operand.name
            if var (expression, value) = operand.known {
                if let batch, let slice,
                    Slicing.isCut(public: name, value.shape, batch: batch, secret: secret, model)
                {
                    let piece = operand.joined.parts[0]
                    (expression, value) = try await session.publicInput(from: piece.owner, name: name) {
                        try files.contents.get()[piece.index].encoded(for: operand.joined.input).rows(slice)
                    }
                }
                if model.mustKnow(name) {
                    arguments.publicValues[name] = value
                } else {
                    arguments.tensors[name] = expression
                }
                continue
            }
            var pieces: [(Arrangement.Piece, CrypTensor)] = []
            for (piece, rows) in operand.joined.rows(slice) {
                let shape = rows.map { Shape([$0.count] + piece.shape.dimensions.dropFirst()) } ?? piece.shape
                let load: @Sendable () throws -> Tensor = {
                    let whole = try files.contents.get()[piece.index].encoded(for: operand.joined.input)
                    return rows.map { whole.rows($0) } ?? whole
                }
                pieces.append(
                    (piece, try await encodedInput(of: model, operand, piece, shape, load, session))
                )
            }
            var whole = operand.joined
            whole.parts = pieces.map(\.0)
            let (joined, tensors) = (whole, pieces.map(\.1))
            arguments.tensors[name] = try await session.alike {
                tensors.count == 1
                    ? tensors[0] : try naming(operands) { try joined.joined(tensors, rank: whole.parts[0].shape.rank) }
            }
        }
        return arguments
    }

    /// A party's part of an input, as the network reads it: words are expanded by their owner.
    private func encodedInput(
        of model: ONNXModel,
        _ operand: Operand,
        _ piece: Arrangement.Piece,
        _ shape: Shape,
        _ load: @escaping @Sendable () throws -> Tensor,
        _ session: Session
    ) async throws -> CrypTensor {
        let name = operand.name
        if let words = model.words[name] {
            return try await session.input(from: piece.owner, range: operand.range, name: name) {
                try words.expanded(try load(), name: inputs[piece.index].file.path)
            }
        }
        return try await session.input(
            from: piece.owner,
            shape: try operand.joined.input.givenShape(shape),
            kind: operand.joined.input.givenKind(piece.kind),
            range: operand.joined.input.isOrdered ? nil : operand.range,
            name: name,
            load
        )
    }

    /// The outputs in the model's order.
    func call(_ module: ONNXModule, _ arguments: Arguments, _ operands: [Operand]) throws -> [CrypTensor] {
        try naming(operands) {
            let outputs = try module(arguments.tensors, publicValues: arguments.publicValues)
            return module.model.outputs.compactMap { outputs[$0.name] }
        }
    }

    /// Adds this party's own files to errors that name an input: the others don't know file names.
    private func naming<Result>(_ operands: [Operand], _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as CrypTenError {
            let files = inputs + publicInputs
            for operand in operands where error.message.contains("input '\(operand.name)'") {
                let own = operand.joined.parts.filter { $0.index < files.count && names($0, files[$0.index]) }
                    .map { files[$0.index].file.path }
                if own.isEmpty { continue }
                error.message += "; '\(operand.name)' is read from \(own.joined(separator: " and "))"
            }
            throw error
        }
    }

    /// Whether a part is what a file of this party's holds.
    private func names(_ piece: Arrangement.Piece, _ file: Part) -> Bool {
        piece.owner == file.owner && piece.name == file.file.name
    }
}

extension ONNXModel {
    /// An input by its name.
    func input(_ name: String) -> Input? {
        inputs.first { $0.name == name }
    }
}
