package import CrypTenRing

/// `truncate`, `pack`, `unpack`, `add_unpacked`, `planes_of`, `words_of`, `weights`: between words and bits.
extension DeviceKernels {
    package func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes {
        precondition(low >= 0 && planes >= 0 && low + planes <= 64, "planes \(low) ..< \(low + planes) of 64")
        if staysOnHost(a) { return host.planes(of: a, from: low, count: planes) }
        return onDevice(BitPlanes(zeros: planes, count: a.count)) { call in
            let (out, to) = try call.planes(planes, count: a.count)
            guard out.wordCount > 0 else { return out }
            let arguments = PlanesArguments(
                to: to,
                from: try call.place(of: a),
                count: UInt64(a.count),
                step: UInt64(out.wordsPerPlane),
                low: UInt32(low),
                planes: UInt32(planes)
            )
            try call.forEach(a.count, "planes_of", arguments)
            return out
        }
    }

    package func planes(_ words: RingTensor, planes: Int, count: Int) -> BitPlanes {
        precondition(
            words.count == planes * BitPlanes.words(for: count),
            "\(words.count) words aren't \(planes) planes of \(count) bits"
        )
        if count % 64 != 0, staysOnHost(words) { return host.planes(words, planes: planes, count: count) }
        var out = BitPlanes(storage: words.storage, firstWord: words.firstWord, planes: planes, count: count)
        guard count % 64 != 0 else { return out }
        onDevice(()) { call in
            try call.update(&out) { try call.clearTails($0, planes: planes, of: count) }
        }
        return out
    }

    package func runs(of bits: BitPlanes, _ positions: [Int], length: Int) -> BitPlanes {
        precondition(bits.planes == 1, "runs are of one plane")
        if staysOnHost(bits) { return host.runs(of: bits, positions, length: length) }
        guard length > 0 else { return BitPlanes(zeros: 1, count: 0) }
        // Of the bits behind the last whole run none is read.
        let rows = bits.count / length
        let words = self.words(of: bits, shape: [bits.count]).flat(0..<rows * length).reshaped(to: [rows, length])
        return planes(of: take(words, axis: 0, indices: positions), from: 0, count: 1)
    }

    package func join(_ parts: [BitPlanes]) -> BitPlanes {
        if areOnHost(parts, fewerThan: settings.hostWords) { return host.join(parts) }
        let words = parts.map { self.words(of: $0, shape: [$0.count]) }
        return planes(of: concatenate(words, axis: 0), from: 0, count: 1)
    }

    package func words(of bits: BitPlanes, shape: Shape) -> RingTensor {
        precondition(
            bits.planes <= 64 && bits.count == shape.count,
            "\(bits.planes) planes of \(bits.count) as \(shape)"
        )
        if shape.count < settings.hostWords, staysOnHost(bits) { return host.words(of: bits, shape: shape) }
        return onDevice(RingTensor(zeros: shape)) { call in
            let (out, to) = try call.tensor(shape)
            let arguments = PlanesArguments(
                to: to,
                from: try call.place(of: bits),
                count: UInt64(shape.count),
                step: UInt64(bits.wordsPerPlane),
                low: 0,
                planes: UInt32(bits.planes)
            )
            try call.forEach(shape.count, "words_of", arguments)
            return out
        }
    }

    package func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes) {
        precondition((1...62).contains(shift), "a truncation by \(shift) bits")
        if staysOnHost(a) { return host.truncate(a, by: shift) }
        return onDevice((RingTensor(zeros: a.shape), BitPlanes(zeros: 1, count: a.count))) { call in
            let from = try call.place(of: a)
            let (bits, selector) = try call.planes(1, count: a.count)
            let (out, to) = try call.tensor(a.shape)
            let arguments = TruncateArguments(
                to: to,
                selector: selector,
                from: from,
                count: UInt64(a.count),
                shift: UInt32(shift)
            )
            try call.forEach(a.count, "truncate", arguments)
            return (out, bits)
        }
    }

    package func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor {
        BitPlanes.check(bits, factors: factors)
        if bits[0].count < settings.hostWords, areOnHost(bits, fewerThan: settings.hostWords) {
            return host.weights(of: bits, factors: factors, constant: constant)
        }
        let count = bits[0].count
        return onDevice(RingTensor(zeros: [count])) { call in
            let (out, to) = try call.tensor([count])
            let arguments = WeightsArguments(
                to: to,
                blocks: try call.upload(try bits.map { try call.place(of: $0) }),
                factors: try call.upload(factors),
                addend: constant,
                count: UInt64(count),
                planes: UInt32(bits.count)
            )
            try call.forEach(count, "weights", arguments)
            return out
        }
    }

    // MARK: Words of few bits

    package func pack(_ a: RingTensor, bits: Int) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        let words = (a.count * bits + 63) / 64
        if staysOnHost(a) { return host.pack(a, bits: bits) }
        return onDevice(RingTensor(zeros: [words])) { call in
            let (out, to) = try call.tensor([words])
            let from = try call.place(of: a)
            let arguments = PackArguments(to: to, from: from, count: UInt64(a.count), bits: UInt32(bits))
            try call.forEach(words, "pack", arguments)
            return out
        }
    }

    package func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        precondition(
            words.count == (shape.count * bits + 63) / 64,
            "\(words.count) words can't hold \(shape) of \(bits) bits"
        )
        if shape.count < settings.hostWords, staysOnHost(words) { return host.unpack(words, bits: bits, shape: shape) }
        return onDevice(RingTensor(zeros: shape)) { call in
            let (out, to) = try call.tensor(shape)
            let from = try call.place(of: words)
            let arguments = PackArguments(to: to, from: from, count: UInt64(shape.count), bits: UInt32(bits))
            try call.forEach(shape.count, "unpack", arguments)
            return out
        }
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    ) {
        precondition((1...64).contains(bits) && (0...63).contains(shift), "\(bits) bits of a word, shifted by \(shift)")
        precondition(
            words.count == (sum.count * bits + 63) / 64 && chosen.planes == 1 && chosen.count == sum.count,
            "\(words.count) words can't hold \(sum.shape) of \(bits) bits"
        )
        if staysOnHost(sum, words, chosen) {
            return host.accumulate(&sum, addingUnpacked: words, bits: bits, shiftedLeft: shift, where: chosen)
        }
        let count = sum.count
        onDevice(()) { call in
            let (words, chosen) = (try call.place(of: words), try call.place(of: chosen))
            try call.update(&sum) { to in
                let arguments = AddUnpackedArguments(
                    to: to,
                    from: words,
                    chosen: chosen,
                    count: UInt64(count),
                    bits: UInt32(bits),
                    shift: UInt32(shift)
                )
                try call.forEach(count, "add_unpacked", arguments)
            }
        }
    }
}
