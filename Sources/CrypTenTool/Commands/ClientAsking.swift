import ArgumentParser
import CrypTen
import CrypTenClient
import CrypTenRing
import Foundation

/// Which cell a client asks, as whom, and what.
struct ClientAsking: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The cell's file: what `crypten cluster cell` prints.", valueName: "cell.json")
    )
    var cell: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The client's identity, which the cluster file knows: what `crypten identity create` writes.",
            valueName: "file"
        )
    )
    var identity: String

    @Option(name: .long, help: ArgumentHelp("The model's name in the cluster file.", valueName: "model"))
    var model: String

    @Option(
        name: .long,
        help: ArgumentHelp("An input, a file of numpy: x=x.npy; once for each.", valueName: "name=file")
    )
    var input: [String] = []

    /// The inputs, read.
    func tensors() throws -> [String: ClientTensor] {
        var tensors: [String: ClientTensor] = [:]
        for text in input {
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("--input \(text): write the input's name, =, and a file of numpy (.npy)")
            }
            let path = String(text[text.index(after: equals)...])
            let tensor = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path))
            let name = String(text[..<equals])
            guard tensors[name] == nil else { throw ValidationError("--input \(name) is given twice") }
            tensors[name] = try ClientTensor(tensor)
        }
        guard !tensors.isEmpty else { throw ValidationError("--input is missing: what to ask") }
        return tensors
    }

    /// A client that shows its identity.
    func client(_ options: CellClient.Options = CellClient.Options()) throws -> CellClient {
        let file = URL(fileURLWithPath: identity)
        return try CellClient(
            Cell(contentsOf: URL(fileURLWithPath: cell)),
            identity: .certificate(file, key: file),
            options: options
        )
    }
}

extension ClientTensor {
    /// - Throws: `.shapeMismatch` for a tensor without rows.
    init(_ tensor: Tensor) throws {
        let shape = tensor.shape.dimensions
        switch tensor.kind {
        case .integer: try self.init(shape: shape, integers: tensor.integers ?? [])
        case .bit: try self.init(shape: shape, booleans: tensor.doubles.map { $0 != 0 })
        case .real: try self.init(shape: shape, doubles: tensor.doubles)
        }
    }

    /// The same numbers, for a file.
    var tensor: Tensor {
        switch values {
        case .integers(let values): Tensor(values, shape: Shape(shape))
        case .booleans(let values): Tensor(.bool(values), shape: Shape(shape))
        case .doubles(let values): Tensor(values, shape: Shape(shape))
        }
    }
}
