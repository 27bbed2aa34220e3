internal import CrypTenBase
internal import Foundation

/// The bytes of a model's file, and of files beside it that hold its large tensors.
struct ModelFile {
    /// What messages call the file.
    let name: String
    /// Where external data may lie; nil for a skeleton, which has none.
    let folder: URL?
    let bytes: Data

    var problem: FileProblem {
        FileProblem(file: name)
    }

    /// Opens a model's file; large ones are mapped, not read.
    init(contentsOf url: URL) throws {
        name = url.relativePath
        folder = url.deletingLastPathComponent()
        bytes = try ModelFile.read(url, problem: FileProblem(file: name))
        guard !bytes.isEmpty else { throw problem.malformed("it is empty, not an ONNX model") }
    }

    /// A model that came as bytes.
    init(bytes: Data, name: String) throws {
        self.name = name
        self.folder = nil
        self.bytes = bytes
        guard !bytes.isEmpty else { throw problem.malformed("it is empty, not an ONNX model") }
    }

    private static func read(_ url: URL, problem: FileProblem) throws -> Data {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw problem.notReadable("there is no such file")
        }
        guard !isDirectory.boolValue else { throw problem.notReadable("it is a folder, not a file") }
        do {
            return try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw problem.notReadable("it can't be read", cause: error)
        }
    }

    /// The bytes of a tensor whose data lie in another file.
    ///
    /// The path must be relative and stay inside the model's folder, symbolic links included; offset and length must lie
    /// inside the file, and the length must be what the tensor's shape and type take.
    func externalBytes(_ entries: [Onnx_StringStringEntryProto], needed: Int, tensor: String) throws -> Data {
        guard let folder else {
            throw problem.malformed("tensor \(tensor) lies in another file, which a skeleton can't have")
        }
        let values = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard let location = values["location"], !location.isEmpty else {
            throw problem.malformed("tensor \(tensor) lies in another file, but its location isn't given")
        }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        let base = folder.resolvingSymlinksInPath().standardizedFileURL
        let file = base.appendingPathComponent(location).resolvingSymlinksInPath().standardizedFileURL
        guard !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0"),
            file.pathComponents.starts(with: base.pathComponents), file.pathComponents.count > base.pathComponents.count
        else {
            throw problem.malformed("tensor \(tensor) lies in '\(location)', which is outside the model's folder")
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
        let data = try ModelFile.read(file, problem: FileProblem(file: "\(name): external data \(location)"))
        guard offset <= data.count, length <= data.count - offset else {
            throw problem.malformed(
                "tensor \(tensor) should lie at \(offset) in '\(location)' with \(length) bytes, but that file has \(data.count)"
            )
        }
        return data.dropFirst(offset).prefix(length)
    }
}
