#include "smtpd/milter/desk.h"

#include "common/base/text.h"
#include "common/dns/connect_server.h"

namespace pennypost::smtp {

Result<std::vector<std::string>> milters_for(const Settings& settings,
                                             std::string_view client_address,
                                             const FindInTable& find) {
  for (const TableRef& table : settings.smtpd_milter_maps) {
    TRY(auto found, find(table, client_address));
    if (!found) continue;
    if (equal_nocase(trim(*found), no_milters_at_all)) return std::vector<std::string>();
    return list_items(*found);
  }
  return settings.smtpd_milters;
}

Task<Result<RawReply>> connect_milter(Loop& loop, Resolver& resolver,
                                      std::vector<std::string> milters, std::uint32_t number,
                                      const Settings& settings, std::string directory) {
  if (number >= milters.size()) {
    co_return Error::temporary("4.3.0", "there is no milter of this number");
  }
  auto milter = MilterSettings::parse(milters[number], settings);
  if (!milter) co_return Error::temporary("4.3.5", milter.error().text());
  auto connecting = connect_server(loop, resolver, std::move(milter->at), std::move(directory),
                                   milter->connect_timeout);
  CO_TRY(auto socket, co_await std::move(connecting));
  RawReply reply;
  reply.body = wire::encode(Done());
  reply.descriptors.push_back(socket->release());
  co_return std::move(reply);
}

}  // namespace pennypost::smtp
