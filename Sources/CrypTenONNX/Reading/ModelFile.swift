internal import CrypTenBase
internal import Foundation

/// The bytes of a model's file, and of files beside it that hold its large tensors.
struct ModelFile {
    /// What messages call the file.
    let name: String
    /// Files with external data; nil for a skeleton, which has none.
    private let external: ExternalFiles?
    let bytes: Data

    var problem: FileProblem {
        FileProblem(file: name)
    }

    /// Opens a model's file, which is mapped, not read.
    init(contentsOf url: URL) throws {
        name = url.relativePath
        external = ExternalFiles(folder: url.deletingLastPathComponent(), model: name)
        bytes = try MappedFile.bytes(of: url, FileProblem(file: name))
        guard !bytes.isEmpty else { throw problem.malformed("it is empty, not an ONNX model") }
    }

    /// A model that came as bytes.
    init(bytes: Data, name: String) throws {
        self.name = name
        external = nil
        self.bytes = bytes
        guard !bytes.isEmpty else { throw problem.malformed("it is empty, not an ONNX model") }
    }

    /// Other bytes in a file's place, with the same files beside it.
    init(_ file: ModelFile, bytes: Data) {
        (name, external, self.bytes) = (file.name, file.external, bytes)
    }

    /// The bytes of a tensor whose data lie in another file.
    ///
    /// The path must be relative and stay inside the model's folder, symbolic links included; offset and length must lie
    /// inside the file, and the length must be what the tensor's shape and type take.
    func externalBytes(_ entries: [Onnx_StringStringEntryProto], needed: Int, tensor: String) throws -> Data {
        guard let external else {
            throw problem.malformed("tensor \(tensor) lies in another file, which a skeleton can't have")
        }
        let values = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard let location = values["location"], !location.isEmpty else {
            throw problem.malformed("tensor \(tensor) lies in another file, but its location isn't given")
        }
        func number(_ key: String) throws -> Int? {
            guard let text = values[key] else { return nil }
            guard let value = Int(text), value >= 0 else {
                throw problem.malformed(
                    "tensor \(tensor): the external data's \(key) '\(text)' isn't a number of bytes"
                )
            }
            return value
        }
        let offset = try number("offset") ?? 0
        let length = try number("length") ?? needed
        guard length == needed else {
            throw problem.malformed("tensor \(tensor) takes \(needed) bytes, but \(length) of '\(location)' are given")
        }
        let data = try external.bytes(at: location, of: tensor)
        guard offset <= data.count, length <= data.count - offset else {
            throw problem.malformed(
                "tensor \(tensor) should lie at \(offset) in '\(location)' with \(length) bytes, but that file has \(data.count)"
            )
        }
        return data.dropFirst(offset).prefix(length)
    }
}
