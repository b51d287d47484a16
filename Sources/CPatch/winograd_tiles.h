// Fast kernels of `winograd-1`, written once for vectors of any width. A file that includes this one has included
// network_tiles.h.
//
// A vector holds output channels of one tile. Sixteen tiles are taken at a time: first what their inputs become, then for
// some output channels the sums of every place, which are small matrix products, then the outputs.

// The sums of `tiles` x `vectors` of one place: every input channel in order. Those of one tile go
// to `sums_out`, those of the next as far behind them as a tile has sums of all places.
INLINED void add_up(const int tiles, const int vectors, const patch_convolution *layer, const float *transformed,
                    const float *weights, float *sums_out) {
    vector sums[MOST_SUMS];
    for (int i = 0; i < tiles * vectors; i++) sums[i] = zero();
    for (int32_t channel = 0; channel < layer->input_channels; channel++, weights += layer->output_stride) {
        vector weight[MOST_SUMS];
        for (int v = 0; v < vectors; v++) weight[v] = load(weights + v * LANES);
        for (int t = 0; t < tiles; t++) {
            vector value = broadcast(transformed + t * layer->input_stride + channel);
            for (int v = 0; v < vectors; v++)
                sums[t * vectors + v] = multiply_add(value, weight[v], sums[t * vectors + v]);
        }
    }
    const ptrdiff_t width = vectors * LANES, tile = PATCH_WINOGRAD_PLACES * width;
    for (int t = 0; t < tiles; t++)
        for (int v = 0; v < vectors; v++) store(sums_out + t * tile + v * LANES, sums[t * vectors + v]);
}

// The pooled output of one tile and one vector of channels; its sums lie `stride` floats apart.
INLINED vector tile_output(const float *sums, ptrdiff_t stride, const float *bias) {
    vector halves[2][4], outputs[4];
    for (int column = 0; column < 4; column++) {
        vector m[4];
        for (int row = 0; row < 4; row++) m[row] = load(sums + (4 * row + column) * stride);
        halves[0][column] = add(add(m[0], m[1]), m[2]);
        halves[1][column] = subtract(subtract(m[1], m[2]), m[3]);
    }
    for (int row = 0; row < 2; row++) {
        const vector *s = halves[row];
        outputs[2 * row] = add(add(s[0], s[1]), s[2]);
        outputs[2 * row + 1] = subtract(subtract(s[1], s[2]), s[3]);
    }
    vector most = greater_of(greater_of(outputs[0], outputs[1]), greater_of(outputs[2], outputs[3]));
    return greater_of(add(most, load(bias)), zero());
}

// `vectors` vectors of channels from `channel` on, of `count` tiles. Blocks of `tiles` tiles are summed; where fewer are left,
// sums of tiles that are not there are computed too, and left where they are.
INLINED void winograd_channels(const int tiles, const int vectors, const patch_convolution *layer, int32_t channel,
                               const float *transformed, float *sums, float *output, int32_t count) {
    const ptrdiff_t width = vectors * LANES, tile_sums = PATCH_WINOGRAD_PLACES * width;
    for (int place = 0; place < PATCH_WINOGRAD_PLACES; place++) {
        const float *weights = layer->weights + (ptrdiff_t)place * layer->input_channels * layer->output_stride + channel;
        for (int32_t tile = 0; tile < count; tile += tiles) {
            ptrdiff_t from = (ptrdiff_t)(place * PATCH_TILES + tile) * layer->input_stride;
            add_up(tiles, vectors, layer, transformed + from, weights, sums + tile * tile_sums + place * width);
        }
    }
    for (int32_t tile = 0; tile < count; tile++)
        for (int v = 0; v < vectors; v++)
            store(output + (ptrdiff_t)tile * layer->output_stride + channel + v * LANES,
                  tile_output(sums + tile * tile_sums + v * LANES, width, layer->bias + channel + v * LANES));
}
