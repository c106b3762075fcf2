// Scans any bytes as a message, whole and in pieces: both find the same, and only what is there.
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/header.h"
#include "common/mail/mime_scan.h"

using namespace pennypost;

namespace {

std::vector<MimeBlock> scan(std::string_view text, std::size_t step, std::uint64_t shown) {
  auto header = text.substr(0, header_bytes(text));
  MimeScanner scanner(header, header.size(), shown);
  for (std::size_t at = header.size(); at < text.size(); at += step) {
    scanner.feed(text.substr(at, step));
  }
  scanner.finish();
  return scanner.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  std::size_t step = data[0] + 1u;
  std::uint64_t shown = data[1] * 4u;
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto whole = scan(text, text.size() + 1, shown);
  auto pieces = scan(text, step, shown);
  ASSERT(whole.size() == pieces.size());
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ASSERT(whole[i].offset == pieces[i].offset && whole[i].text == pieces[i].text);
    ASSERT(whole[i].kind == pieces[i].kind && whole[i].offset >= done);
    ASSERT(text.substr(whole[i].offset, whole[i].text.size()) == whole[i].text);
    done = whole[i].offset + whole[i].text.size();
  }
  return 0;
}
