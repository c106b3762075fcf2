// A message as a client may send it in; no crash, the same content however it is cut, and a header
// within it, out.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "smtpd/inbound/data_scanner.h"
#include "smtpd/pickup/posted_lines.h"
#include "smtpd/queue/header_draft.h"

using namespace pennypost::smtp;

namespace {

struct Scanned {
  std::string content;
  std::size_t taken = 0;
  DataScanner::Fault fault = DataScanner::Fault::None;
};

Scanned scan(std::string_view bytes, std::size_t piece, DataScanner::Ends ends,
             DataScanner::BareNewline bare) {
  DataScanner::Limits limits;
  limits.message_bytes_max = pennypost::Limit(500);
  limits.line_bytes_max = 50;
  limits.bare_newline = bare;
  DataScanner scanner(ends, limits);
  Scanned scanned;
  while (scanned.taken < bytes.size() && !scanner.is_done()) {
    scanned.taken += scanner.scan(bytes.substr(scanned.taken, piece), scanned.content);
  }
  if (ends == DataScanner::Ends::WithCount) scanner.finish(scanned.content);
  scanned.fault = scanner.fault();
  return scanned;
}

std::string posted(std::string_view bytes, std::size_t piece) {
  PostedLines lines(true);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    out += lines.clean(bytes.substr(0, piece));
  }
  out += lines.finish();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (auto ends : {DataScanner::Ends::WithDot, DataScanner::Ends::WithCount}) {
    for (auto bare : {DataScanner::BareNewline::Refuse, DataScanner::BareNewline::Normalize,
                      DataScanner::BareNewline::Keep}) {
      auto whole = scan(bytes, std::max<std::size_t>(size, 1), ends, bare);
      auto pieces = scan(bytes, 1, ends, bare);
      ASSERT(whole.taken == pieces.taken);
      ASSERT((whole.fault == DataScanner::Fault::None) ==
             (pieces.fault == DataScanner::Fault::None));
      if (whole.fault == DataScanner::Fault::None) ASSERT(whole.content == pieces.content);
      if (ends == DataScanner::Ends::WithDot && whole.taken < size) {
        ASSERT(bytes.substr(0, whole.taken).ends_with(".\r\n"));
      }
    }
  }
  auto from_program = posted(bytes, size + 1);
  ASSERT(from_program == posted(bytes, 1) && from_program == posted(bytes, 3));
  ASSERT(from_program.find('\r') == from_program.npos);
  auto end = find_header_end(bytes, true);
  ASSERT(end.bytes <= size);
  HeaderDraft draft("T: 1\n", bytes.substr(0, end.bytes), end);
  draft.edit({{0, 0, "A: b\n"}});
  draft.edit(header_facts(draft.text(), {"bcc", "a"}).dropped);
  for (const auto& piece : draft.pieces(size)) {
    ASSERT(piece.offset <= size && piece.length <= size - piece.offset);
  }
  return 0;
}
