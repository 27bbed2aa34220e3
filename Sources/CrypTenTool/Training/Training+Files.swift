import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

extension Training {
    /// The files of a party, read; what is wrong with them is told to all once they are connected.
    struct Files: Sendable {
        var tensors: [NamedFile: Result<Tensor, any Error>] = [:]
        var model: Result<ONNXModel, any Error>?
        /// Below which the magnitudes of real numbers must be.
        var limit = Double.infinity

        /// What a file of this party holds.
        func tensor(_ part: Part) throws -> Tensor {
            try tensors[part.file]?.get() ?? part.file.tensor(below: limit)
        }
    }

    /// Reads what a party has, before it meets the others; who has the model is told what of it all will see.
    func readFiles(of party: PartyID, fractionBits: Int) -> Files {
        var files = Files()
        let limit = FixedPoint.limit(fractionBits: fractionBits)
        let known = order.map { [$0] } ?? []
        files.limit = limit
        for part in inputs + [labels] + validation + (validationLabels.map { [$0] } ?? []) + known
        where part.owner == party && !mayBeStreamed(part) {
            files.tensors[part.file] = Result { try part.file.tensor(below: limit) }
        }
        guard model.owner == party else { return files }
        files.model = Result {
            let url = URL(fileURLWithPath: model.file.path)
            let model = try withWeights(ONNXModel(contentsOf: url, secret: secret, open: open, for: .training))
            if let text = PublicConstants(of: model).text { Output.note(text) }
            return model
        }
        return files
    }

    /// A model with the numbers of `weights`, where there are any.
    func withWeights(_ model: ONNXModel) throws -> ONNXModel {
        guard let weights else { return model }
        let tensors = try WeightsFile.tensors(of: URL(fileURLWithPath: weights.file.path))
        do {
            return try model.replacing(weights: Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first })
        } catch var error as CrypTenError {
            error.message = "\(weights.file.path): \(error.message)"
            throw error
        }
    }

    /// The losses that were told before a checkpoint, which this party has written; not a number where it hasn't.
    func earlierLosses(_ count: Int) -> [Double] {
        let known = lossesFile.flatMap { try? Tensor(contentsOfNumpyFile: URL(fileURLWithPath: $0)).doubles } ?? []
        return (0..<count).map { $0 < known.count ? known[$0] : .nan }
    }

    /// Whether what is to be written can be: before training, so that it isn't for nothing.
    ///
    /// - Parameters:
    ///   - party: Whose files; nil: all parties'.
    ///   - makesFolder: Whether the folder for checkpoints is made where there is none.
    /// - Throws: `.fileNotReadable` naming a path that can't be written.
    func checkPaths(of party: PartyID?, makingFolder makesFolder: Bool = true) throws {
        var paths = exports.filter { party == nil || $0.owner == party }.map { ($0.file.path, "--export") }
        if let lossesFile, party == nil || party == recipient { paths.append((lossesFile, "--losses")) }
        if makesFolder { _ = try checkpoints?.store() }
        let files = FileManager.default
        for (path, option) in paths {
            var isFolder: ObjCBool = false
            let exists = files.fileExists(atPath: path, isDirectory: &isFolder)
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
            guard !path.isEmpty, !isFolder.boolValue, files.isWritableFile(atPath: folder),
                !exists || files.isWritableFile(atPath: path)
            else {
                throw CrypTenError(
                    .fileNotReadable,
                    "\(option) '\(path)': no file can be written here; choose a path in a folder that is there"
                )
            }
        }
    }

    /// Writes losses, one for each step: not a number where none was told.
    func write(_ losses: [Double]) throws {
        guard let lossesFile else { return }
        try Tensor(losses, shape: [losses.count]).write(toNumpyFile: URL(fileURLWithPath: lossesFile))
    }

    /// Writes a network's weights, in the form that the file's name ends in.
    func write(_ weights: [(name: String, tensor: Tensor)], of model: ONNXModel, to path: String) throws {
        if !path.lowercased().hasSuffix(".onnx") {
            let single = weights.map { name, tensor in
                (name: name, tensor: Tensor(.float(tensor.doubles.map(Float.init)), shape: tensor.shape))
            }
            return try WeightsFile.write(single, to: URL(fileURLWithPath: path))
        }
        let named = Dictionary(weights.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        let bytes = try model.file(weights: named)
        do {
            try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CrypTenError(.fileNotReadable, "\(path): the network can't be written here", cause: error)
        }
    }
}
