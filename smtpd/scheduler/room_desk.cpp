#include "smtpd/scheduler/room_desk.h"

#include "common/async/loop.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {
namespace {

Room has_room() {
  Room room;
  room.fate.code = 250;
  return room;
}

/// The only address of an expansion that leads on to one; null otherwise.
Recipient* next_of(Resolution& resolution) {
  bool has_one = resolution.is_expansion && resolution.children.size() == 1;
  if (!has_one) return nullptr;
  Recipient& child = resolution.children.front();
  return child.kind == RecipientKind::Address ? &child : nullptr;
}

}  // namespace

Task<Room> RoomDesk::find_out(AskRoom ask) {
  MeasureRoom question;
  question.sender = std::move(ask.sender);
  question.recipient.number = 1;
  question.recipient.address = question.recipient.original = std::move(ask.recipient);
  question.bytes = ask.bytes;
  auto asking = room_of(std::move(question));
  auto room = co_await within(loop_, room_wait_max, std::move(asking));
  if (!room) co_return has_room();
  co_return *std::move(room);
}

Task<Room> RoomDesk::room_of(MeasureRoom question) {
  auto looking = mailbox_of(question);
  auto route = co_await std::move(looking);
  if (!route) co_return has_room();
  RecipientGroup group;
  group.route = *std::move(route);
  question.account = group.route.account;
  auto finding = deliver_processes_.kind_for(group);
  auto kind = co_await std::move(finding);
  if (!kind) co_return has_room();
  auto call = peers_.port(*kind).call(std::move(question));
  auto room = co_await std::move(call);
  if (!room) co_return has_room();
  co_return *std::move(room);
}

/// Follows the recipient to a mailbox with a quota, of an own user. Error: there is none, or it
/// can't be found now.
Task<Result<Route>> RoomDesk::mailbox_of(MeasureRoom& question) {
  for (int followed = 0; followed <= followed_max; ++followed) {
    Resolve request;
    request.recipient = question.recipient;
    request.sender = question.sender;
    auto call = peers_.port("lookup").call(std::move(request));
    CO_TRY(auto resolution, co_await std::move(call));
    if (Recipient* next = next_of(resolution)) {
      question.recipient = std::move(*next);
      question.recipient.number = 1;
      continue;
    }
    const auto& account = resolution.route.account;
    bool is_mailbox = !resolution.is_expansion && !resolution.is_error &&
                      resolution.route.transport == Transport::Local && !account.is_system &&
                      !account.quota.empty();
    if (!is_mailbox) co_return Error::permanent("no mailbox with a quota");
    co_return std::move(resolution.route);
  }
  co_return Error::permanent("the address is aliased too often");
}

}  // namespace pennypost::smtp
