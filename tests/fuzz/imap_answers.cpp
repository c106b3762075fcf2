// What an IMAP server says in: the client must answer within its bounds, and every message that it
// reports must be one that went to its sink.
//
// The parsers are given each line besides.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "imapd/client/client.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

class Counting final : public OctetSink {
 public:
  std::size_t begun = 0;
  Result<void> begin(std::uint64_t octets) override {
    ++begun;
    expected_ = octets;
    return {};
  }
  Result<void> add(std::string_view octets) override {
    ASSERT(octets.size() <= expected_);
    expected_ -= octets.size();
    return {};
  }

 private:
  std::uint64_t expected_ = 0;
};

void talk(std::string_view answers) {
  auto loop = std::make_unique<Loop>();
  auto streams = memory_streams(*loop);
  auto server = std::move(streams.second);
  while (!answers.empty()) {
    auto size = server->try_write(answers);
    if (!size) return;
    answers.remove_prefix(*size);
  }
  server->shut_down();
  auto made = ImapClient::over(std::move(loop), std::move(streams.first));
  if (made) {
    auto& client = **made;
    (void)client.folders();
    (void)client.namespaces();
    (void)client.open("INBOX");
    auto sizes = client.messages_after(3);
    if (sizes) {
      for (const auto& one : *sizes) ASSERT(one.uid > 3);
    }
    Counting sink;
    std::size_t told = 0;
    (void)client.fetch({1, 2}, sink, [&](FetchedMessage message) -> Result<void> {
      ASSERT(message.uid > 0);
      ++told;
      return {};
    });
    ASSERT(told <= sink.begun);
  }
  server.reset();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Limits limits;
  for (auto line : split(input, '\r')) {
    (void)parse_listed(line, limits);
    (void)parse_fetched(line, limits);
    (void)parse_namespaces(line, limits);
    (void)number_in_code(line, "UIDVALIDITY");
  }
  talk(input);
  return 0;
}
