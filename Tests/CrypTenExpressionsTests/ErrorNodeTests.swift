import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Errors in expressions")
struct ErrorNodeTests {
    @Test("an ill-formed call is a node that names shapes and place, spreads as it is, and is thrown when evaluated")
    func spreading() throws {
        let session = ClearSession()
        let x = session.secret(Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))
        let line: UInt = #line + 1
        let bad = x.reshape([4, 2])
        let message = "reshape can't take shape [2, 3]: [4, 2] has 8 elements, not 6, at \(#fileID):\(line)"
        #expect(bad.error?.message == message)
        #expect(bad.shape == [])

        let later = relu((bad + x).sum() * 2.0 - x.matmul(bad)).reshape([7])
        #expect(later.error?.message == message)
        let error = #expect(throws: CrypTenError.self) { try session.values(x, later) }
        #expect(error?.code == .shapeMismatch)
        #expect(error?.message == message)
        #expect(concatenate([x, bad]).error?.message == message)
        #expect(`where`(x .< 0, x, bad).error?.message == message)
        #expect(x.split([2, 2]).allSatisfy { $0.error?.message.contains("add up to 2") == true })
    }

    @Test("an operator names the places where its operands were made")
    func operators() {
        let line: UInt = #line + 1
        let x = placeholder([2, 3]).relu()
        let y = placeholder([4]).relu()
        let sum = x + y
        #expect(sum.error?.message.contains("[2, 3] and [4]") == true)
        #expect(sum.error?.message.hasSuffix(", at \(#fileID):\(line) and \(#fileID):\(line + 1)") == true)

        // Through further operators, down to the functions below them.
        let deep = (-x * 2) + (y - 1)
        #expect(deep.error?.message.hasSuffix(", at \(#fileID):\(line) and \(#fileID):\(line + 1)") == true)
        let comparison = x .< y
        #expect(comparison.error?.message.contains("[2, 3] and [4]") == true)
        #expect((x / 0).error?.message.hasSuffix(", at \(#fileID):\(line)") == true)
        #expect((x * Double.nan).error?.code == .outOfRange)
    }

    @Test("composed functions name the call that the user wrote")
    func composed() {
        let x = placeholder([2, 3])
        let line: UInt = #line + 2
        let calls: [(CrypTensor, String)] = [
            (x.maxPool2d(2), "maxPool2d"), (x.avgPool1d(9), "avgPool2d"), (x.conv2d(x), "convolution"),
            (x.linear(placeholder([4, 4])), "linear"), (x.matmul(placeholder([2, 3])), "matmul"),
            (x.batchNorm(scale: x, shift: x), "batchNorm"), (x.pow(-1), "pow"), (x.clamp(min: 2, max: 1), "clamp"),
        ]
        for (index, (call, name)) in calls.enumerated() where name != "avgPool2d" {
            let place = [line, line, line, line + 1, line + 1, line + 2, line + 2, line + 2][index]
            #expect(call.error?.message.hasPrefix(name) == true, "\(call.error?.message ?? "")")
            #expect(call.error?.message.hasSuffix(", at \(#fileID):\(place)") == true, "\(call.error?.message ?? "")")
        }
    }

    @Test("tensors of two sessions don't mix")
    func sessions() {
        let (one, two) = (ClearSession(), ClearSession())
        let sum = one.secret(Tensor(1)).relu() + two.secret(Tensor(1)).relu()
        #expect(sum.error?.code == .wrongSession)
    }

    @Test("axes, positions and arguments out of range are errors, not traps")
    func arguments() {
        let x = placeholder([2, 3])
        let image = placeholder([1, 1, 4, 4])
        let wrong: [CrypTensor] = [
            x.sum(axis: 2), x.sum(axes: [0, -2]), x.mean(axis: -3), x.max(axis: 5), x.argmax(axis: 2), x.permuted(0, 2),
            x.permuted(0), x.transposed(0, 3), x.squeeze(axis: 0), x.squeeze(axis: 4), x.unsqueeze(5),
            x.flatten(start: 1, end: 0),
            x.reshape(-1, -1), x.reshape(-1, 0), x.reshape(-1, 4), x.reshape(-2, 3), x.reshape(.max, .max), x[2],
            x[0, 0, 0],
            x[TensorIndex.range(step: 0)], x.narrow(axis: 1, start: 2, length: 2),
            x.narrow(axis: 1, start: .max, length: 2),
            x.take([3], axis: 1), x.take([.min], axis: 1), x.flip(axes: [3]), x.roll(1, axis: 2), x.tiled([2]),
            x.tiled([1, -1]),
            x.tiled([1 << 39, 1 << 39]), x.repeated(-1, axis: 0), x.pad(before: [1], after: [1, 2]),
            x.broadcast(to: [3, 3]),
            concatenate([]), stack([]), stack([x, image]), concatenate([x], axis: 2),
            x.gather(Tensor([0.5], shape: [1])),
            x.toInteger(), x.divided(by: Tensor([1, 0], shape: [2, 1])), x.dot(image), x.outer(x), x.dropout(2),
            x.polynomial([]), x.clamp(min: .nan), x.leakyRelu(.infinity), x.where(x, otherwise: x),
            (x .< 0).where(x .< 0, otherwise: image), x & x, ~x, x.conv1d(x), x.linear(x, bias: x),
            image.conv2d(placeholder([1, 1, 3, 3]), stride: 0), image.conv2d(placeholder([1, 1, 3, 3]), groups: 0),
            image.conv2d(placeholder([1, 1, 3, 3]), padding: -1), image.conv2d(placeholder([1, 1, 9, 9])),
            image.conv2d(placeholder([2, 1, 3, 3]), bias: x), image.maxPool2d(0), image.maxPool2d(5),
            image.maxPool2d(2, stride: 0),
            image.maxPool2d(2, padding: 3), image.maxPool2d(2, padding: .init(top: -1, left: 0, bottom: 0, right: 0)),
            image.avgPool2d(2, padding: 3, countIncludePad: false), x.globalMaxPool(), x.globalAveragePool(),
            image.convTransposed2d(placeholder([1, 1, 3, 3]), outputPadding: 1), CrypTensor(.infinity),
        ]
        for (index, tensor) in wrong.enumerated() {
            #expect(tensor.error != nil, "number \(index) has shape \(tensor.shape)")
        }
        #expect(x.split(parts: 4, axis: 1)[0].error != nil)
        #expect(x.split(parts: 0, axis: 1)[0].error != nil)
    }

    @Test("layers name the nodes made in them, and nest")
    func layers() {
        let x = placeholder([2])
        let (outer, inner) = withLayer("block1") { (x.relu(), withLayer("conv2") { x.relu() }) }
        #expect(outer.node.layer == "block1")
        #expect(inner.node.layer == "block1.conv2")
        #expect(x.relu().node.layer == nil)
    }
}
