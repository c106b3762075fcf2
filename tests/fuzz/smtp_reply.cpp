// A server's bytes, or a message to be sent, in; no crash, replies and wire forms that keep the
// rules, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "smtpd/delivery/smtp_reply.h"
#include "smtpd/delivery/wire_encoder.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

void replies(std::string_view input) {
  ReplyParser parser;
  for (auto line : split(input, '\n')) {
    auto is_last = parser.feed(line);
    if (!is_last) return;
    if (!*is_last) continue;
    auto reply = parser.take();
    ASSERT(reply.code >= 200 && reply.code <= 599);
    ASSERT(reply.effective_status().text()[0] - '0' == reply.code / 100 || reply.code / 100 == 3);
    for (char c : reply.text()) ASSERT(!is_control(c));
    PeerFeatures::parse(reply, {"SIZE"});
  }
}

std::string encode(std::string_view message, std::size_t line_bytes_max, std::size_t piece) {
  WireEncoder encoder(line_bytes_max);
  std::string out;
  for (; !message.empty(); message.remove_prefix(std::min(piece, message.size()))) {
    encoder.feed(message.substr(0, piece), out);
  }
  encoder.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  replies(input);
  std::string wire = encode(input, 20, input.size() + 1);
  ASSERT(wire == encode(input, 20, 1));
  ASSERT(wire == encode(input, 20, 3));
  ASSERT(wire.ends_with(".\r\n"));
  // Only the end is a dot alone on its line, and no line is longer than asked for.
  auto rest = std::string_view(wire);
  while (!rest.empty()) {
    auto end = rest.find("\r\n");
    ASSERT(end != rest.npos);
    auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    ASSERT(line != "." || rest.empty());
    ASSERT(line.find_first_of("\r\n") == line.npos);
    ASSERT(line.size() <= 21);
  }
  return 0;
}
