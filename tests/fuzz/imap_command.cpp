// Octets from a client in: the assembler and every parser of IMAP's grammar must answer, within
// bounds.
//
// The first octet chooses the size of the pieces that the input arrives in, and LITERAL- if it is
// odd. Messages of APPEND are
// skipped as the session does.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "imapd/grammar/append.h"
#include "imapd/grammar/assembler.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/list.h"
#include "imapd/grammar/message_url.h"
#include "imapd/grammar/metadata.h"
#include "imapd/grammar/modseq.h"
#include "imapd/grammar/multisearch.h"
#include "imapd/grammar/notify.h"
#include "imapd/grammar/quota.h"
#include "imapd/grammar/requests.h"
#include "imapd/grammar/search.h"
#include "imapd/grammar/sort.h"

using namespace pennypost;
using namespace pennypost::imap;
using Event = CommandAssembler::Event;

namespace {

constexpr Limits limits{.line_bytes_max = 2000,
                        .literal_bytes_max = 500,
                        .command_bytes_max = 4000,
                        .message_bytes_max = 2000,
                        .skip_bytes_max = 4000,
                        .literals_max = 10,
                        .nesting_max = 20,
                        .list_items_max = 200};

template <class T>
void drop(Result<T> result) {
  if (!result) ASSERT(!result.error().text().empty());
}

void parse_all(std::string_view text) {
  auto head = parse_head(text);
  if (!head) return;
  auto arguments = head->arguments;
  drop(parse_nothing(arguments, limits));
  drop(parse_login(arguments, limits));
  drop(parse_authenticate(arguments, limits));
  drop(parse_select(arguments, limits));
  drop(parse_create(arguments, limits));
  drop(parse_mailbox(arguments, limits));
  drop(parse_rename(arguments, limits));
  drop(parse_status(arguments, limits));
  drop(parse_list(arguments, limits));
  drop(parse_lsub(arguments, limits));
  drop(parse_store(arguments, limits));
  drop(parse_copy(arguments, limits));
  drop(parse_uid_expunge(arguments, limits));
  drop(parse_enable(arguments, limits));
  drop(parse_uid_batches(arguments, limits));
  drop(parse_id(arguments, limits));
  drop(parse_fetch(arguments, limits));
  drop(parse_search(arguments, limits));
  drop(parse_sort(arguments, limits));
  drop(parse_thread(arguments, limits));
  drop(parse_compress(arguments, limits));
  drop(parse_get_metadata(arguments, limits));
  drop(parse_set_metadata(arguments, limits));
  drop(parse_quota_root(arguments, limits));
  drop(parse_set_quota(arguments, limits));
  drop(parse_multi_search(arguments, limits));
  drop(parse_tags(arguments, limits));
  drop(parse_notify(arguments, limits));
  drop(parse_resync(arguments.substr(std::min<std::size_t>(arguments.size(), 1)), limits));
  drop(parse_append(text, limits));
  for (bool in_parts : {false, true}) {
    for (bool in_utf8 : {false, true}) {
      drop(parse_append_next(text, AppendPlace{in_parts, in_utf8}, limits));
    }
  }
  drop(parse_message_url(text, limits));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t step = data[0] + 1u;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  CommandAssembler assembler(limits);
  if (step % 2 == 0) assembler.limit_unasked_literals();
  while (!input.empty()) {
    auto piece = input.substr(0, step);
    auto before = piece.size();
    auto event = assembler.take(piece);
    input.remove_prefix(before - piece.size());
    ASSERT(assembler.text().size() <= limits.command_bytes_max + 2);
    switch (event) {
      case Event::NeedBytes:
      case Event::Continue:
        break;
      case Event::Message:
        ASSERT(assembler.literal().bytes <= limits.message_bytes_max);
        input.remove_prefix(std::min<std::size_t>(input.size(), assembler.literal().bytes));
        assembler.message_taken();
        break;
      case Event::Complete:
        parse_all(assembler.text());
        assembler.reset();
        break;
      case Event::Refused:
        ASSERT(!assembler.tag().empty());
        assembler.reset();
        break;
      case Event::Abandon:
        return 0;
    }
  }
  return 0;
}
