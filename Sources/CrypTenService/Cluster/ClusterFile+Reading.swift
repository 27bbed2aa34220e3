import CrypTenBase
import CrypTenIdentity
public import Foundation
import Yams

/// From text to a cluster file, or to what is wrong with it.
extension ClusterFile {
    /// Files beyond this are no cluster files.
    static let mostBytes = 1 << 20

    /// Reads a file.
    ///
    /// - Throws: `.fileNotReadable`; `.malformedFile` naming the first faults with their lines.
    public init(contentsOf url: URL) throws {
        let (file, faults) = try ClusterFile.read(contentsOf: url)
        let grave = faults.filter { $0.gravity == .fault }
        guard let file, grave.isEmpty else {
            let some = grave.prefix(5).map { "\(url.path): \($0)" }.joined(separator: "\n")
            let more =
                grave.count > 5 ? "\nand \(grave.count - 5) more; `crypten cluster check \(url.path)` lists all" : ""
            throw CrypTenError(.malformedFile, some + more)
        }
        self = file
    }

    /// Reads a file, and says all that is wrong with it.
    ///
    /// - Returns: The file, where there was enough to make one, and its faults in the order of their lines.
    /// - Throws: `.fileNotReadable`.
    public static func read(contentsOf url: URL) throws -> (file: ClusterFile?, faults: [ClusterFault]) {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            data = try handle.read(upToCount: mostBytes + 1) ?? Data()
        } catch {
            throw CrypTenError(.fileNotReadable, "\(url.path): the cluster file can't be read", cause: error)
        }
        return read(data)
    }

    /// The same, of bytes.
    public static func read(_ data: Data) -> (file: ClusterFile?, faults: [ClusterFault]) {
        guard data.count <= mostBytes else {
            return (nil, [ClusterFault("the file is larger than \(mostBytes >> 20) MiB: a cluster file isn't")])
        }
        guard let text = String(data: data, encoding: .utf8) else {
            return (nil, [ClusterFault("the file isn't UTF-8 text")])
        }
        let notes = ClusterNode.Notes()
        let file: ClusterFile
        do {
            // Nodes know the names that they were given (&) as long as the parser lives.
            let parser = try Parser(yaml: text)
            let read = try withExtendedLifetime(parser) {
                try parser.singleRoot().map { ClusterReader(notes).file(ClusterNode($0, path: "", notes: notes)) }
            }
            guard let read else { return (nil, [ClusterFault("the file is empty")]) }
            file = read
        } catch {
            return (nil, [fault(of: error)])
        }
        if notes.budget <= 0 { notes.faults.append(ClusterFault("the file says more than a cluster file can")) }
        let faults = notes.faults.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
        return (faults.contains { $0.gravity == .fault } ? nil : file, faults)
    }

    /// What the parser found.
    private static func fault(of error: any Error) -> ClusterFault {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ClusterFault("this is no YAML: \(problem)", line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0.prefix(60))'" }.joined(separator: ", ")
            return ClusterFault(
                "\(names) stands more than once in what begins here: one of them would say nothing",
                line: context.mark.line,
                column: context.mark.column
            )
        default:
            return ClusterFault("this is no YAML")
        }
    }
}
