// APPEND: takes messages from the connection and stores them, all or none. REPLACE stores one, and
// removes the message that it replaces.
//
// Small messages wait in memory for the last one, others in a file without a name. Nothing is
// written for which there is no room: the quota and imap_append_spool_limit are checked when a
// message is announced, before the client sends it (a LITERAL+ is read and dropped), and the quota
// again as it arrives.
//
// STANDARDS  RFC 9051 section 6.3.12, RFC 3502 (MULTIAPPEND), RFC 4315 section 3 (APPENDUID),
//            RFC 8508 (REPLACE), RFC 3516 section 4.4 (literal8)
#include "imapd/command/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <span>

#include "common/async/turn.h"
#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/grammar/append.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using Event = CommandAssembler::Event;

// What the messages of one command may hold in memory; beyond it they go to a file.
constexpr std::uint64_t memory_octets_max = 64 << 10;
constexpr std::size_t messages_max = 1000;
// How often it is checked, in octets, that there is still room.
constexpr std::uint64_t room_interval = 256 << 10;
// Storing this many takes long.
constexpr std::uint64_t large_octets = 1 << 20;

Result<Descriptor> nameless_file(const std::string& directory) {
  Descriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // The file system has no O_TMPFILE.
  auto path = directory + "/pennypost-append-XXXXXX";
  file = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return Error::temporary("Can't store the message while it arrives");
  ::unlink(path.c_str());
  return file;
}

class AppendBatch {
 public:
  explicit AppendBatch(Account& account) : account_(account) {}
  AppendBatch(const AppendBatch&) = delete;
  AppendBatch& operator=(const AppendBatch&) = delete;
  ~AppendBatch() { account_.spooled_octets -= announced_octets_; }

  /// Takes a place in the account's spool for a message that goes to the file.
  Result<void> announce(std::uint64_t octets, std::uint64_t octets_max) {
    auto held = account_.spooled_octets;
    if (octets > octets_max || held > octets_max - octets) {
      return Error(452, ResponseCode::Limit, "too much mail on its way (imap_append_spool_limit)")
          .told("Too much mail on its way");
    }
    account_.spooled_octets += octets;
    announced_octets_ += octets;
    return {};
  }
  std::uint64_t announced_octets() const { return announced_octets_; }
  /// Drops what has come; what still comes is read and dropped.
  void fail(Error why) {
    failure = std::move(why);
    file = Descriptor();
    account_.spooled_octets -= std::exchange(announced_octets_, 0);
  }
  /// Writes octets of the message that is arriving, and asks `store` now and then whether there is
  /// room for all of it so far, as it will be stored: with LF line ends. Blocks.
  Result<void> write(std::string_view bytes, store::MailStore& store);

  /// Whether the store gives the octets of a literal8 back as they come: no NUL, and each LF behind
  /// a CR.
  bool keeps_octets(std::string_view bytes) {
    for (char c : bytes) {
      if (c == '\0' || (c == '\n' && !after_binary_cr_)) return false;
      after_binary_cr_ = c == '\r';
    }
    return true;
  }

  std::optional<store::MailboxName> target;
  /// Of REPLACE: the message in the selected mailbox that goes, once its place is taken.
  std::optional<store::Uid> replaced;
  std::vector<store::NewMessage> messages;
  // The small messages; a deque, since NewMessage refers to its elements.
  std::deque<std::string> texts;
  std::uint64_t memory_octets = 0;
  Descriptor file;
  std::uint64_t file_octets = 0;
  // Why the command will be refused at its end.
  std::optional<Error> failure;

 private:
  Account& account_;
  std::uint64_t announced_octets_ = 0;
  std::uint64_t line_ends_ = 0;
  bool after_cr_ = false;
  bool after_binary_cr_ = false;
  std::uint64_t asked_at_ = 0;  // of file_octets
};

Result<void> AppendBatch::write(std::string_view bytes, store::MailStore& store) {
  if (!write_all(file.number(), bytes, "the spool")) {
    return Error::temporary("Can't store the message while it arrives");
  }
  file_octets += bytes.size();
  for (auto at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    bool has_cr = at > 0 ? bytes[at - 1] == '\r' : after_cr_;
    if (has_cr) ++line_ends_;
  }
  after_cr_ = bytes.ends_with('\r');
  if (file_octets - asked_at_ < room_interval) return {};
  asked_at_ = file_octets;
  auto replaced_bytes = messages.back().replaced_bytes;
  auto octets_stored = file_octets - line_ends_;
  octets_stored -= std::min(octets_stored, replaced_bytes.value_or(0));
  return store.check_room(octets_stored, messages.size() - (replaced_bytes ? 1 : 0));
}

// For a message that goes to the file: checks that its mailbox exists, and that there is room both
// in the mailbox and in the spool.
Task<Result<void>> announce(SessionContext& context, AppendBatch& batch, std::uint64_t octets,
                            std::optional<std::uint64_t> replaced_bytes) {
  if (batch.announced_octets() == 0) {
    auto looked =
        co_await context.retry_while_locked([&] { return context.store().status(*batch.target); });
    if (!looked) co_return with_try_create(looked.error());
  }
  if (batch.failure) co_return Result<void>();
  // Stored with LF line ends it has at least half as many octets.
  auto least = (batch.announced_octets() + octets) / 2;
  least -= std::min(least, replaced_bytes.value_or(0));
  auto count = batch.messages.size() + (replaced_bytes ? 0 : 1);
  CO_TRY_DO(co_await context.retry_while_locked(
      [&] { return context.store().check_room(least, count); }));
  co_return batch.announce(octets, context.settings().imap_append_spool_limit);
}

// Which message a REPLACE replaces. RFC 8508 section 3.4: one that is not there can't be.
Result<store::Uid> replaced_message(SessionContext& context, const ReplacedMessage& asked) {
  if (context.selected() == nullptr) return Error(501, "No mailbox selected");
  auto& selected = *context.selected();
  if (!context.may_change()) return Error(550, ResponseCode::NoPerm, "Mailbox is read-only.");
  TRY(auto numbers, selected.numbers(asked.number, asked.is_uid));
  auto uids = selected.uids(numbers);
  bool is_there = uids.size() == 1 && selected.mailbox().find(uids.front()) != nullptr;
  if (!is_there) return Error(550, ResponseCode::Expunged, "The message does not exist");
  return uids.front();
}

// The size of the message to be replaced, which the quota does not count with the new one.
Task<Result<std::uint64_t>> stored_bytes(SessionContext& context, store::Uid uid) {
  auto& mailbox = context.selected()->mailbox();
  auto looking = context.retry_while_locked([&]() -> Result<std::uint64_t> {
    TRY(auto reader, mailbox.open(uid));
    return reader.stored_bytes();
  });
  co_return co_await std::move(looking);
}

// Decides whether to take a message, before the client sends it.
Task<Result<void>> begin_message(SessionContext& context, AppendBatch& batch,
                                 const AppendRequest& request, const AppendMessage& message) {
  // RFC 8508 section 4.7: one message takes the place of one.
  if (request.replaced && batch.replaced) co_return Error(501, "REPLACE takes one message");
  if (batch.messages.size() == messages_max)
    co_return Error(550, ResponseCode::Limit, "Too many messages at once");
  if (message.literal.bytes == 0) co_return Error(550, "Can't save a zero byte message.");
  CO_TRY(auto change, flag_change(context, message.flags, true));
  if (!batch.target) {
    CO_TRY(auto target, context.mailbox_name(request.mailbox));
    batch.target = std::move(target);
  }
  std::optional<std::uint64_t> replaced_bytes;
  if (request.replaced) {
    CO_TRY(batch.replaced, replaced_message(context, *request.replaced));
    auto measuring = stored_bytes(context, *batch.replaced);
    CO_TRY(replaced_bytes, co_await std::move(measuring));
  }
  // For a small message it is enough that storing it fails.
  if (batch.memory_octets + message.literal.bytes > memory_octets_max) {
    auto announcing = announce(context, batch, message.literal.bytes, replaced_bytes);
    CO_TRY_DO(co_await std::move(announcing));
  }
  store::NewMessage fresh;
  fresh.replaced_bytes = replaced_bytes;
  fresh.flags = change.flags;
  fresh.keywords = std::move(change.keywords);
  if (message.internal_date) fresh.internal_date = message.internal_date->seconds;
  batch.messages.push_back(std::move(fresh));
  co_return Result<void>();
}

// Takes all octets of the literal off the connection, also if they are dropped.
Task<> take_message(SessionContext& context, AppendBatch& batch, LiteralHeader literal) {
  auto& connection = context.connection();
  if (literal.synchronizing) context.put("+ OK\r\n");
  auto left = literal.bytes;
  bool in_memory = batch.memory_octets + left <= memory_octets_max;
  auto begin = batch.file_octets;
  std::string text;
  if (in_memory) {
    batch.memory_octets += left;
    text.reserve(static_cast<std::size_t>(left));
  } else if (!batch.file && !batch.failure) {
    auto file = nameless_file(context.settings().mail_temp_dir);
    if (file) {
      batch.file = *std::move(file);
    } else {
      batch.fail(file.error());
    }
  }
  while (left > 0) {
    if (!connection.has_input()) co_await connection.fill();
    auto bytes = connection.buffered();
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
    // RFC 3516 section 4.4: what can't be stored without a change is refused.
    if (literal.binary && !batch.failure && !batch.keeps_octets(bytes)) {
      batch.fail(Error(550, "[UNKNOWN-CTE] Binary content can't be stored"));
    }
    if (in_memory) {
      text += bytes;
    } else if (!batch.failure) {
      auto written = co_await context.account().threads.offload(
          [&] { return batch.write(bytes, context.store()); });
      if (!written) batch.fail(written.error());
    } else if (turn_is_long(context.loop())) {
      co_await context.loop().turn_end();
    }
    left -= bytes.size();
    context.consume(bytes.size());
  }
  auto& body = batch.messages.back().body;
  if (in_memory) {
    batch.texts.push_back(std::move(text));
    body.emplace_back(std::string_view(batch.texts.back()));
  } else {
    body.emplace_back(store::FileRange{batch.file.number(), begin, batch.file_octets - begin});
  }
}

// If the old message can't be removed the new one is taken back: a client that is told NO finds its
// mailbox as it was.
Task<Result<void>> take_back(SessionContext& context, AppendBatch& batch,
                             const store::Appended& appended) {
  auto removing = context.retry_while_locked([&]() -> Result<void> {
    TRY(auto target, context.store().open(*batch.target, store::Access::ReadOnly));
    TRY_DO(target->expunge(appended.uids));
    return {};
  });
  co_return co_await std::move(removing);
}

Task<Reply> remove_replaced(SessionContext& context, AppendBatch& batch,
                            const store::Appended& appended) {
  auto& selected = *context.selected();
  auto removing = context.retry_while_locked(
      [&] { return selected.mailbox().expunge(std::span(&*batch.replaced, 1)); });
  auto gone = co_await std::move(removing);
  if (!gone) {
    auto taking_back = take_back(context, batch, appended);
    CO_TRY_DO(co_await std::move(taking_back));
    co_return Reply(gone.error());
  }
  // None: another session has removed it meanwhile, and the new message has its place all the same.
  selected.note_expunged(*gone);
  // RFC 8508 section 4.3: the new UID is told before the old message goes.
  context.put("* OK " + append_uid_code(appended) + " Replacement message ready.\r\n");
  co_return Reply::ok(context.highest_modseq_code() + "Replace completed.");
}

Task<Reply> store_messages(SessionContext& context, AppendBatch& batch) {
  if (batch.failure) co_return Reply(*batch.failure);
  auto lane = batch.file_octets > large_octets ? context.heavy_lane() : context.light_lane();
  auto append = [&] {
    auto appended = context.store().append(*batch.target, batch.messages);
    if (appended) context.events().tell_saved(*batch.target, *appended, batch.messages);
    return appended;
  };
  auto appending = context.retry_while_locked(lane, [&] { return append(); });
  auto appended = co_await std::move(appending);
  if (!appended) co_return Reply(with_try_create(appended.error()));
  if (batch.replaced) {
    auto removing = remove_replaced(context, batch, *appended);
    co_return co_await std::move(removing);
  }
  co_return Reply::ok(append_uid_code(*appended) + " Append completed.");
}

}  // namespace

Task<Reply> append(SessionContext& /*context*/, const CommandHead& /*command*/) {
  co_return Reply::bad("APPEND needs a mailbox, and the message as a literal");
}

Task<Reply> replace(SessionContext& /*context*/, const CommandHead& /*command*/) {
  co_return Reply::bad("REPLACE needs one message, a mailbox, and the new message as a literal");
}

Task<std::optional<Reply>> append_messages(SessionContext& context) {
  auto& assembler = context.assembler();
  AppendBatch batch(context.account());
  auto request = parse_append(assembler.text(), context.limits());
  ASSERT(request.has_value());
  auto message = std::move(request->message);
  auto event = Event::Message;
  while (event == Event::Message) {
    auto beginning = begin_message(context, batch, *request, message);
    auto begun = co_await std::move(beginning);
    if (begun) {
      auto taking = take_message(context, batch, message.literal);
      co_await std::move(taking);
      assembler.message_taken();
    } else {
      batch.fail(begun.error());
      assembler.refuse(begun.error());
    }
    event = co_await context.next_event();
    if (event != Event::Message) break;
    auto next = parse_append_next(assembler.text(), context.limits());
    ASSERT(next.has_value() && next->has_value());
    message = **std::move(next);
  }
  if (event == Event::Abandon) {
    context.abandon("Too much input that can't be taken");
    co_return std::nullopt;
  }
  if (event == Event::Refused) co_return Reply(assembler.error());
  if (!assembler.text().empty()) co_return Reply::bad("Unexpected text after the message");
  auto storing = store_messages(context, batch);
  auto reply = co_await std::move(storing);
  if (context.selected() != nullptr) co_await context.tell_news(true, false);
  co_return reply;
}

}  // namespace pennypost::imap
