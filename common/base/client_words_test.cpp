#include "common/base/client_words.h"

#include <doctest/doctest.h>

using pennypost::client_words;
using pennypost::Error;
using pennypost::ResponseCode;

TEST_CASE("a client hears of what it asked for, and of this host's troubles in plain words alone") {
  struct Row {
    Error error;
    std::string words;
  };
  const Row rows[] = {
      {Error(501, "5.5.4", "Syntax: NOOP"), "Syntax: NOOP"},
      {Error(550, ResponseCode::NonExistent, "no x"), "no x"},
      {Error::permanent("the UIDs of /m/x are used up").told("No UIDs left"), "No UIDs left"},
      {Error::temporary("can't open /m/x"), "That can't be done now; try again later."},
      {Error(451, ResponseCode::NoPerm, "can't open /m/x"),
       "Permission denied; ask the administrator."},
      {Error(452, ResponseCode::OverQuota, "can't write /m/x"), "There is no space left for it."},
      {Error(452, ResponseCode::OverQuota, "the quota").told("the quota"), "the quota"},
  };
  for (const auto& row : rows) CHECK(client_words(row.error) == row.words);
}
