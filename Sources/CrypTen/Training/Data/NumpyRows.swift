internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing
public import Foundation

/// The rows of a NumPy file (`.npy`), read from the disk when they are asked for.
///
/// Nothing is kept of what was read, and nothing mapped: a file that is cut while it is read is an error, not the program's end.
public final class NumpyRows: RowSource {
    private let file: NumpyFile
    private let header: NumpyHeader
    private let descriptor: Int32
    private let limit: Double

    /// Opens a file in C order, with a first axis, and reads its header.
    ///
    /// - Parameter limit: Below which the magnitudes of real numbers must be.
    /// - Throws: as `Tensor(contentsOfNumpyFile:)`, and `.malformedFile` where its elements are in Fortran order: rows don't lie together there.
    public init(_ url: URL, below limit: Double = .infinity) throws {
        file = NumpyFile(url)
        self.limit = limit
        descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw file.notReadable("it can't be opened (\(String(cString: strerror(errno))))")
        }
        do {
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw file.notReadable("it is no ordinary file")
            }
            // No header is longer.
            var start = Data(count: min(Int(status.st_size), 1 << 16 + 12))
            let length = start.withUnsafeMutableBytes { [descriptor] in NumpyRows.read(descriptor, at: 0, into: $0) }
            header = try file.header(of: start.prefix(length))
            guard header.shape.rank > 0 else { throw file.malformed("it is one number, and has no rows") }
            guard !header.fortranOrder || header.shape.rank == 1 else {
                throw file.malformed(
                    "its numbers are in Fortran order, whose rows can't be read one by one: np.save(path, np.ascontiguousarray(x))"
                )
            }
            let needed = header.dataOffset + header.shape.count * NumpyFile.elementSizes[header.type]!
            guard status.st_size == needed else {
                throw file.malformed(
                    "shape \(header.shape) of \(header.type) takes \(needed) bytes, and it has \(status.st_size)"
                )
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The shape in the file's header.
    public var shape: Shape { header.shape }

    /// Reals for floats, whole numbers for all else.
    public var kind: ElementKind { header.type.hasPrefix("f") ? .real : .integer }

    /// Some rows, in their order.
    ///
    /// - Throws: `.malformedFile` naming file and row where the file has become shorter; `.outOfRange` for a number that isn't finite or not
    ///   below the limit; `.invalidArgument` for a row that there isn't.
    /// - Complexity: as many bytes are read as the rows take, neighbours at once.
    public func rows(_ rows: [Int]) throws -> Tensor {
        let each = header.shape.dimensions.dropFirst().reduce(1, *)
        let bytes = each * NumpyFile.elementSizes[header.type]!
        guard rows.allSatisfy((0..<header.shape[0]).contains) else {
            throw CrypTenError(
                .invalidArgument,
                "\(file.name) has \(header.shape[0]) rows, and another one was asked for"
            )
        }
        var data = Data(count: rows.count * bytes)
        var position = 0
        while position < rows.count, bytes > 0 {
            var end = position + 1
            while end < rows.count, rows[end] == rows[end - 1] + 1 { end += 1 }
            let read = data.withUnsafeMutableBytes { buffer in
                NumpyRows.read(
                    descriptor,
                    at: header.dataOffset + rows[position] * bytes,
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[position * bytes..<end * bytes])
                )
            }
            guard read == (end - position) * bytes else {
                throw file.malformed(
                    "row \(rows[position] + read / bytes) can't be read any more: the file has been cut, or the disk fails"
                )
            }
            position = end
        }
        let elements = try file.elements(
            of: header.type,
            in: data,
            count: rows.count * each,
            bigEndian: header.bigEndian
        )
        let tensor = Tensor(elements, shape: header.shape.withRows(rows.count))
        if tensor.kind == .real, let index = tensor.doubles.firstIndex(where: { !($0.magnitude < limit) }) {
            throw CrypTenError(
                .outOfRange,
                """
                \(file.name): row \(rows[index / each]) holds \(tensor.doubles[index]); numbers must be finite\
                \(limit.isFinite ? ", and magnitudes below \(limit)" : "")
                """
            )
        }
        return tensor
    }

    /// Reads from a place on; returns how many bytes were there.
    private static func read(_ descriptor: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            done += count
        }
        return done
    }
}
