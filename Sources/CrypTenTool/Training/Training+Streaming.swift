import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

/// Data that are larger than memory: one batch is masked at a time.
extension Training {
    /// What masked numbers take at most: the value, and its mask at whoever put it in.
    static let bytesOfElement = 16

    /// Whether data are masked once: as was said, and where they are to be standardised or shuffled in secret, for which all rows are read.
    var keepsData: Bool { streams == false || preparation != Preparation() }

    /// Whether a file of this party's isn't read before it is known how it is used: it is to be streamed, or too large to be kept.
    func mayBeStreamed(_ part: Part) -> Bool {
        guard !keepsData, (inputs + [labels]).contains(where: { $0.file == part.file && $0.owner == part.owner }),
            let rows = try? NumpyRows(URL(fileURLWithPath: part.file.path))
        else { return false }
        return streams == true || rows.shape.count > dataLimit / Training.bytesOfElement
    }

    /// Whether data are streamed: as was said, else where what all members would keep of them is more than one of them has room for.
    ///
    /// Each party tells the others how many numbers it has, which they learn anyway, and for how many it has room.
    func decidesToStream(_ files: Files, of model: ONNXModel, on session: Session) async throws -> Bool {
        if keepsData { return false }
        if let streams { return streams }
        let operands = try operands(inputs, of: model, kind: "input")
        if operands.contains(where: \.isSum) { return false }
        var own = 0
        for operand in operands {
            for part in operand.parts where part.owner == session.party {
                // What is wrong with a file is told when it is used.
                own += (try? source(of: part, as: operand.input, of: model, files).shape.count) ?? 0
            }
        }
        if labels.owner == session.party {
            // Numbers of classes become rows of ones and zeros.
            let shape = (try? rows(of: labels, files))?.shape
            own += shape.map { max($0.count, ($0.dimensions.first ?? 0) * numbersOfLabel(in: model)) } ?? 0
        }
        let numbers = [own, dataLimit / Training.bytesOfElement]
        let told = try await session.tellEachOther(
            Result { Array(try JSONEncoder().encode(numbers)) },
            refusing: .unnamed
        )
        let all = try told.enumerated().map { index, bytes in
            guard let numbers = try? JSONDecoder().decode([Int].self, from: Data(bytes)), numbers.count == 2,
                numbers.allSatisfy({ $0 >= 0 })
            else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(PartyID(index)) says in a way that can't be read how many numbers it has"
                )
            }
            return numbers
        }
        let elements = all.reduce(0) { $0.addingReportingOverflow($1[0]).partialValue }
        return elements < 0 || all.contains { $0[1] < elements }
    }

    /// How many masked numbers a label becomes: as many as there are classes, where the model's file says how many scores it gives.
    func numbersOfLabel(in model: ONNXModel) -> Int {
        guard case .classes = loss.labels, case .fixed(let classes)? = model.outputs.first?.dimensions?.last else {
            return 1
        }
        // A file may say anything; what doesn't fit in memory is streamed anyway.
        return min(max(1, classes), 1 << 20)
    }

    /// Where rows of a file are read from.
    private func rows(of part: Part, _ files: Files) throws -> NumpyRows {
        try NumpyRows(URL(fileURLWithPath: part.file.path), below: files.limit)
    }

    /// Rows of an input as the network reads them.
    func source(
        of part: Part,
        as input: ONNXModel.Input,
        of model: ONNXModel,
        _ files: Files
    ) throws -> any RowSource {
        try MappedRows(rows(of: part, files)) { try encoded($0, as: input, of: model, name: part.file.path) }
    }

    /// A streamed tensor for each of the model's inputs, in its order.
    func streamedExamples(of model: ONNXModel, _ files: Files, _ session: Session) async throws -> [StreamedTensor] {
        var examples: [StreamedTensor] = []
        for operand in try operands(inputs, of: model, kind: "input") {
            var tensors: [StreamedTensor] = []
            for part in operand.parts {
                tensors.append(
                    try await session.stream(from: part.owner, name: "input '\(operand.input.name)' of \(part.owner)") {
                        try source(of: part, as: operand.input, of: model, files)
                    }
                )
            }
            examples.append(try operand.joined(tensors))
        }
        return examples
    }

    /// Labels as the loss takes them.
    func streamedLabels(_ scores: Shape, _ files: Files, _ session: Session) async throws -> StreamedTensor {
        try await session.stream(from: labels.owner, name: "labels") {
            try MappedRows(rows(of: labels, files)) {
                try loss.encoded($0, scores: scores, name: labels.file.path)
            }
        }
    }

    /// What stands for all rows of streamed data where shapes are checked.
    func placeholders(of tensors: [StreamedTensor], _ session: Session) async throws -> [CrypTensor] {
        var examples: [CrypTensor] = []
        for tensor in tensors {
            examples.append(
                try await session.placeholder(
                    from: PartyID(0),
                    shape: tensor.shape,
                    kind: tensor.kind,
                    name: "examples"
                )
            )
        }
        return examples
    }
}

extension JoinedInput<Part> {
    /// All of it, of examples that have rows.
    ///
    /// - Throws: `.shapeMismatch` naming the owner of a part without rows; as ``joined(_:)``.
    func joinedRows(_ tensors: [CrypTensor]) throws -> CrypTensor {
        for (tensor, part) in zip(tensors, parts) where tensor.rank == 0 || tensor.shape[0] == 0 {
            throw CrypTenError(
                .shapeMismatch,
                "input '\(input.name)' of \(part.owner) has shape \(tensor.shape): it has no rows"
            )
        }
        return try joined(tensors)
    }

    /// All of it, streamed.
    ///
    /// - Throws: `.shapeMismatch` where parts don't fit; `.invalidArgument` for counts that are to be added up, and for other axes.
    func joined(_ tensors: [StreamedTensor]) throws -> StreamedTensor {
        guard let way else { return tensors[0] }
        if isSum {
            throw CrypTenError(
                .invalidArgument,
                "input '\(input.name)': counts of words that several parties have side by side can't be streamed; give --no-stream"
            )
        }
        switch way.axis {
        case 0: return try CrypTen.joined(rows: tensors)
        case 1: return try CrypTen.joined(columns: tensors)
        default:
            throw CrypTenError(
                .invalidArgument,
                "input '\(input.name)': parts that are joined \(way.words) can't be streamed; give --no-stream"
            )
        }
    }
}
