#include "smtpd/delivery/message_pieces.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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

Result<std::string> read_range(const store::FileRange& range, std::uint64_t from,
                               std::size_t most) {
  std::string part(static_cast<std::size_t>(std::min<std::uint64_t>(most, range.length - from)),
                   '\0');
  for (;;) {
    auto count =
        pread(range.descriptor, part.data(), part.size(), static_cast<off_t>(range.offset + from));
    if (count > 0) {
      part.resize(static_cast<std::size_t>(count));
      return part;
    }
    if (count == 0) return Error::temporary("4.3.0", "the message's file is shorter than it was");
    if (errno != EINTR) {
      return Error::temporary("4.3.0", std::string("reading the message: ") + std::strerror(errno));
    }
  }
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
