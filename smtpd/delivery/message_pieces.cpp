#include "smtpd/delivery/message_pieces.h"

namespace pennypost::smtp {

Result<store::Pieces> message_pieces(const Attempt& attempt, int body) {
  store::Pieces pieces;
  const auto& envelope = attempt.envelope;
  for (const auto& piece : envelope.pieces) {
    if (piece.length == 0) {
      pieces.emplace_back(std::string_view(piece.text));
    } else if (envelope.body_is_file) {
      store::FileRange range;
      range.descriptor = body;
      range.offset = piece.offset;
      range.length = piece.length;
      pieces.emplace_back(range);
    } else {
      if (piece.offset > attempt.body.size() || piece.length > attempt.body.size() - piece.offset) {
        return Error::temporary("4.3.0", "the message in the queue is damaged");
      }
      pieces.emplace_back(std::string_view(attempt.body).substr(piece.offset, piece.length));
    }
  }
  return pieces;
}

Result<std::string> message_header(const store::Pieces& pieces, std::size_t bytes_max) {
  std::string header;
  TRY_DO(read_pieces(pieces, [&](std::string_view part) {
    auto searched = header.size() < 2 ? 0 : header.size() - 2;
    header += part;
    auto end = header.find("\n\n", searched);
    if (end != std::string::npos) header.resize(end + 2);
    if (header.size() > bytes_max) header.resize(bytes_max);
    return end == std::string::npos && header.size() < bytes_max;
  }));
  return header;
}

}  // namespace pennypost::smtp
